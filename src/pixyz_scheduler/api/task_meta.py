"""TaskMeta: a job in the words of Celery's result backend."""

from typing import Any

from pydantic import BaseModel, Field
from typing_extensions import Self

from pixyz_scheduler.api.schemas import EXAMPLE_ID, Moment, Status, Text, example, moment, result_of
from pixyz_scheduler.jobs.report import JobReport


class TaskMeta(BaseModel):
    """A job in the words of Celery's result backend."""

    model_config = example(
        {
            "status": "SUCCESS",
            "result": {"output": "bracket.glb"},
            "traceback": None,
            "children": [],
            "parent_id": None,
            "task_id": EXAMPLE_ID,
            "date_done": "2024-12-11T10:18:10.463+00:00",
        }
    )

    status: Status
    result: Any = Field(description="The result; of a failed job `{exc_type, exc_message, exc_module}`.")
    traceback: Text | None
    children: list[Any]
    parent_id: str | None
    task_id: str
    date_done: Moment

    @classmethod
    def of(cls, report: JobReport) -> Self:
        """From a report."""
        return cls(
            status=report.status.value,
            result=_celery_error(report.error) if report.error else result_of(report),
            traceback=report.traceback,
            children=[],
            parent_id=None,
            task_id=report.job.id,
            date_done=moment(report.stopped),
        )


def _celery_error(error: str) -> dict[str, Any]:
    """As Celery writes it; the kind is the first word of `ValueError: ...`, where there is one."""
    kind, colon, message = error.partition(": ")
    if colon and kind.replace(".", "").isidentifier():
        module, _, name = kind.rpartition(".")
        return {"exc_type": name, "exc_message": [message], "exc_module": module or "builtins"}
    return {"exc_type": "JobFailed", "exc_message": [error], "exc_module": "pixyz_scheduler.worker.tasks"}
