"""What `from pixyz_worker.script import *` brings into a user's script."""

import os
import sys
from typing import Any

from pixyz_scheduler.script.context import ProgramContext
from pixyz_scheduler.script.licence import License, PiXYZSession
from pixyz_scheduler.script.local import LocalPixyzTask
from pixyz_scheduler.script.schedule import pixyz_schedule
from pixyz_scheduler.script.subtasks import pixyz_execute, subtask_async

__all__ = [
    "License",
    "LocalPixyzTask",
    "PiXYZSession",
    "ProgramContext",
    "chain",  # noqa: F822  (by __getattr__)
    "chord",  # noqa: F822  (by __getattr__)
    "chunks",  # noqa: F822  (by __getattr__)
    "group",  # noqa: F822  (by __getattr__)
    "os",
    "pixyz_execute",
    "pixyz_schedule",
    "subtask_async",
    "sys",
]

_CANVAS = frozenset({"chain", "chord", "chunks", "group"})


def __getattr__(name: str) -> Any:
    """Celery's canvas, imported when it is asked for: it costs 0.1 s."""
    if name in _CANVAS:
        from pixyz_scheduler.script import startable

        return startable.canvas_of(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
