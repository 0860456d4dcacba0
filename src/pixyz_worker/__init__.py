"""Pixyz Scheduler as users' scripts import it; `celery -A pixyz_worker:app` finds the application here.

Everything is imported when it is asked for: `import pixyz_worker.exception` loads nothing else.
"""

import importlib
from typing import Any

__all__ = [
    "License",
    "LocalPixyzTask",
    "PiXYZSession",
    "ProgramContext",
    "chain",
    "chord",
    "chunks",
    "group",
    "os",
    "pixyz_execute",
    "pixyz_schedule",
    "subtask_async",
    "sys",
]


def __getattr__(name: str) -> Any:
    """The names of `pixyz_worker.script`, and `app`, which is built only here: it reads the settings."""
    if name == "app":
        return importlib.import_module("pixyz_worker.tasks").app
    if name in __all__:
        return getattr(importlib.import_module("pixyz_worker.script"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
