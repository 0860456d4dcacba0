"""What a script returns that others will end with: Celery's results, as the expression of a value, or as JSON."""

import sys
from typing import Any

from pixyz_scheduler.errors import InvalidWorkflow
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.workflow import Expression, list_of, result_of, value


def awaited(returned: Any) -> Expression | None:
    """The value that it will have once its sub-tasks have ended; None where it is no result of sub-tasks."""
    celery = sys.modules.get("celery.result")
    if celery is None:
        return None
    if isinstance(returned, celery.GroupResult):
        return list_of(*(awaited(each) or value(None) for each in returned.results))
    if isinstance(returned, celery.EagerResult):
        return value(returned.get())
    if isinstance(returned, celery.AsyncResult):
        return result_of(JobId(str(returned.id)))
    if isinstance(returned, list | tuple) and returned:
        parts = [awaited(each) for each in returned]
        return list_of(*(part for part in parts if part is not None)) if None not in parts else None
    return None


def as_json_of(returned: Any) -> Any:
    """A result of sub-tasks that nobody waits for here, as Celery writes it: `as_tuple()`.

    Raises:
        InvalidWorkflow: it is a part of a canvas, which nobody has started.
    """
    results, canvas = sys.modules.get("celery.result"), sys.modules.get("celery.canvas")
    if canvas is not None and isinstance(returned, canvas.Signature):
        kind = returned.subtask_type or "pixyz_execute.s"
        raise InvalidWorkflow(f"A {kind}(...) was returned that was not started: write {kind}(...).delay().")
    return returned.as_tuple() if results is not None and isinstance(returned, results.ResultBase) else returned
