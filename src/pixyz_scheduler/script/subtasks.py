"""pixyz_execute and subtask_async: run another entry point; for now in place, the farm comes with workflows."""

from typing import Any

from pixyz_scheduler.script import in_place
from pixyz_scheduler.script.context import ProgramContext


def pixyz_execute(params: Any = None, pc: ProgramContext | None = None) -> Any:
    """Run the entry point that the context names, in place, and return what it returned.

    In a chain the earlier result arrives as `params`, because it comes first.
    """
    context = ProgramContext(pc or {})  # over the wire it arrives as a plain dict
    return in_place.run(context, context["params"] if params is None else params)


def subtask_async(params: Any = None, pc: ProgramContext | None = None, **celery_options: Any) -> Any:
    """Start the entry point that the context names as a sub-task; returns a result with `.get()`."""
    if isinstance(params, ProgramContext):  # either order: the two cannot be mistaken
        params, pc = pc, params
    return (pc or ProgramContext()).execute(params, **celery_options)
