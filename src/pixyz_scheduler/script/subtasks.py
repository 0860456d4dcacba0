"""pixyz_execute and subtask_async: run another entry point, here or as a job of its own."""

from typing import Any

from pixyz_scheduler.script import workflows
from pixyz_scheduler.script.context import ProgramContext
from pixyz_scheduler.script.context_keys import EXECUTE
from pixyz_scheduler.script.in_place import run


class SubTask:
    """Celery's task of sub-tasks, loaded when it is needed.

    Called as a function it runs the entry point that the context names here, in this process. `s`, `si`, `delay`,
    `apply_async`, `chunks`, `map` and all else are Celery's, and make jobs of their own.
    """

    name = EXECUTE

    def __call__(self, params: Any = None, pc: Any = None) -> Any:
        """Run the entry point that the context names, and return what it returned."""
        context = pc if isinstance(pc, ProgramContext) else ProgramContext(pc or {})
        return run(context, context["params"] if params is None else params)

    def __getattr__(self, name: str) -> Any:
        """Celery's."""
        return getattr(workflows.task(), name)


pixyz_execute = SubTask()


def subtask_async(params: Any = None, pc: ProgramContext | None = None, **celery_options: Any) -> Any:
    """Start the entry point that the context names as a sub-task; returns Celery's AsyncResult.

    `celery_options`: `queue`, `priority`, `time_limit` (seconds). Raises InvalidWorkflow for what cannot be had.
    """
    if isinstance(params, ProgramContext):  # either order: the two cannot be mistaken
        params, pc = pc, params
    return (pc or ProgramContext()).execute(params, **celery_options)
