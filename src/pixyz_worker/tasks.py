"""The tasks and the Celery application under the names that users' programs import."""

import functools
import importlib
from typing import Any

from pixyz_scheduler.script.subtasks import pixyz_execute

__all__ = ["app", "cleanup_share_file", "package", "pixyz_execute", "sleep"]  # noqa: F822  (by __getattr__)

_OF_THE_WORKER = frozenset({"cleanup_share_file", "package", "sleep"})


def __getattr__(name: str) -> Any:
    """The application and the worker's own tasks, loaded when asked for: scripts do without them."""
    if name == "app":
        return _app()
    if name in _OF_THE_WORKER:
        return getattr(importlib.import_module("pixyz_scheduler.worker.tasks"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@functools.cache
def _app() -> Any:
    """One application a process, as Celery wants it."""
    settings = importlib.import_module("pixyz_scheduler.settings").Settings()
    return importlib.import_module("pixyz_scheduler.broker.celery_app").make_celery(settings)
