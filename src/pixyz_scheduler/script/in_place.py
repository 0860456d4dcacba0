"""Sub-tasks that run at once, in this process: how a local run does what the farm does elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixyz_scheduler.script.entry_point import call, find
from pixyz_scheduler.script.faults import PixyzExecutionFault
from pixyz_scheduler.script.module import load

_NOT_YET = (
    "Sub-tasks on the farm come with workflows (issue 4); until then call the function directly, "
    "or run the script locally: python script.py"
)

_finished: dict[str, "FinishedTask"] = {}
"""The sub-tasks of this process's local run, by id, for `pc.AsyncResult`."""


@dataclass(frozen=True)
class FinishedTask:
    """A sub-task that ran in place; reads like Celery's AsyncResult."""

    id: str
    result: Any
    error: Exception | None = None

    @property
    def task_id(self) -> str:
        """The same as `id`."""
        return self.id

    @property
    def status(self) -> str:
        """SUCCESS or FAILURE."""
        return "FAILURE" if self.error else "SUCCESS"

    @property
    def state(self) -> str:
        """The same as `status`."""
        return self.status

    def ready(self) -> bool:
        """It has ended."""
        return True

    def successful(self) -> bool:
        """It returned."""
        return self.error is None

    def failed(self) -> bool:
        """It raised."""
        return self.error is not None

    def get(self, *_: Any, **__: Any) -> Any:
        """What it returned; raises what it raised. There is nothing to wait for, so Celery's options mean nothing."""
        if self.error is not None:
            raise self.error
        return self.result

    def as_tuple(self) -> tuple[tuple[str, None], None]:
        """As Celery writes a result without children."""
        return (self.id, None), None


def run(pc: Mapping[str, Any], params: Any) -> Any:
    """Run the entry point that the context names and return what it returned.

    Raises:
        NotImplementedError: this is no local run.
        PixyzExecutionFault: the context names no script.
    """
    if not pc["is_local"]:
        raise NotImplementedError(_NOT_YET)
    if not pc["script"]:
        raise PixyzExecutionFault("The context names no script.")
    return call(find(load(Path(pc["script"])), pc["entrypoint"]), pc, params)


def submit(pc: Mapping[str, Any], params: Any) -> FinishedTask:
    """Run it as a sub-task of the context's `task_id`; what it raises is kept for `get`.

    Raises:
        NotImplementedError: this is no local run.
    """
    if not pc["is_local"]:
        raise NotImplementedError(_NOT_YET)
    try:
        finished = FinishedTask(pc["task_id"], run(pc, params))
    except Exception as error:  # noqa: BLE001  (the user's own, raised again by get())
        finished = FinishedTask(pc["task_id"], None, error)
    _finished[finished.id] = finished
    return finished


def result_of(task_id: str, *, local: bool) -> FinishedTask:
    """The sub-task of that id.

    Raises:
        LookupError: no sub-task of this run has it.
        NotImplementedError: this is no local run.
    """
    if not local:
        raise NotImplementedError(_NOT_YET)
    if task_id not in _finished:
        raise LookupError(f"No sub-task of this run has the id {task_id}.")
    return _finished[task_id]
