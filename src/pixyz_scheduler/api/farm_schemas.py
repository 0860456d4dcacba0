"""What is told of the scheduler itself: its processes, its health, its work."""

from typing import Literal

from pydantic import BaseModel, Field

from pixyz_scheduler.api.schemas import example


class ProcessNames(BaseModel):
    """The named processes."""

    model_config = example({"processes": ["convert_file", "generate_metadata"]})

    processes: list[str]


class ProcessDoc(BaseModel):
    """What a process says of itself."""

    model_config = example({"doc": "Process 'sleep' documentation:\n\nSleep for a while."})

    doc: str


class Health(BaseModel):
    """Whether the process answers."""

    model_config = example({"status": "ok", "problems": {}})

    status: Literal["ok", "unavailable"]
    problems: dict[str, str] = Field(description="What is wrong, by part: `store`, `share`, `space`.")


class Readiness(Health):
    """Whether the API can do its work."""

    model_config = example(
        {"status": "ok", "problems": {}, "durability": "relaxed"},
        {"status": "unavailable", "problems": {"store": "Redis does not answer."}, "durability": "unknown"},
    )

    durability: Literal["strict", "relaxed", "none", "unknown"] = Field(
        description="What the store keeps when it is killed: all that was answered; all but about the last second; "
        "nothing for sure; it does not say."
    )


class Scaling(BaseModel):
    """How much work some queues have, for who scales their workers."""

    model_config = example({"waiting": 3, "running": 2, "outstanding": 5})

    waiting: int = Field(description="Jobs that a worker could take, now or within half a minute.")
    running: int = Field(description="Jobs that a worker has.")
    outstanding: int = Field(description="Both together.")
