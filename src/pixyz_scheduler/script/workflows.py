"""Workflows, as the context and the script start them: Celery is imported when there is one."""

from typing import Any

from pixyz_scheduler import extras
from pixyz_scheduler.script.in_place import launcher_of


def submit(context: Any, params: Any, options: dict[str, Any]) -> Any:
    """Start the entry point that a context names; Celery's result of it. Raises InvalidWorkflow."""
    return task().apply_async((params, context), **options)


def result(context: Any, task_id: str) -> Any:
    """The result of a sub-task, as Celery knows it."""
    launcher_of(context)
    return task().AsyncResult(task_id)


def task() -> Any:
    """Celery's task, of which workflows are made."""
    extras.require("worker", whose="A workflow")
    from pixyz_scheduler.script import celery_side, startable  # 0.1 s, and most scripts start nothing

    startable.canvas()
    return celery_side.task()
