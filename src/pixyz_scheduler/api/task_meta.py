"""TaskMeta: a job in the words of Celery's result backend."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field
from typing_extensions import Self

from pixyz_scheduler.api.schemas import EXAMPLE_ID, Moment, Status, Text, example
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.value import moment, value_of


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
    result: Any = Field(
        description="Of a `raw` job what its entry point returned, else the record of it; of a failed job "
        "`{exc_type, exc_message, exc_module}`."
    )
    traceback: Text | None
    children: list[Any]
    parent_id: str | None
    task_id: str
    date_done: Moment

    @classmethod
    def of(cls, report: JobReport, children: Sequence[str] = ()) -> Self:
        """From a report."""
        return cls(
            status=report.status.value,
            result=_result(report),
            traceback=report.traceback,
            children=[[[child, None], None] for child in children],
            parent_id=report.job.parent,
            task_id=report.job.id,
            date_done=moment(report.stopped),
        )


def _result(report: JobReport) -> Any:
    if report.state is JobState.SUCCESS:
        return value_of(report)
    return _celery_error(report.error) if report.error else None


def _celery_error(error: str) -> dict[str, Any]:
    """As Celery writes it; the kind is the first word of `ValueError: ...`, where there is one."""
    kind, colon, message = error.partition(": ")
    if colon and kind.replace(".", "").isidentifier():
        module, _, name = kind.rpartition(".")
        return {"exc_type": name, "exc_message": [message], "exc_module": module or "builtins"}
    return {"exc_type": "JobFailed", "exc_message": [error], "exc_module": "pixyz_scheduler.worker.tasks"}
