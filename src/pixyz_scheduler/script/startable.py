"""Startable: Celery's canvas, made to hand workflows of our task to the farm as a whole.

Apart from the rest of Celery's side, since a star import asks for it: this costs nothing, an application 15 ms.
"""

from functools import cache
from types import ModuleType
from typing import Any, NoReturn

from pixyz_scheduler import extras

# What of Celery's canvas hands its parts to Celery one by one; a task alone comes to FarmTask.
_KINDS = ("_chain", "group", "_chord", "_basemap")


def canvas_of(name: str) -> Any:
    """What of Celery's canvas has this name; where Celery is not installed, a class that says so when it is called.

    A star import asks for all of it, and most scripts use none: those run with nothing but the client installed.
    """
    try:
        return getattr(canvas(), name)
    except ModuleNotFoundError as error:
        if extras.of_module(error.name) is None:
            raise
        return type(name, (_NotInstalled,), {})


class _NotInstalled:
    def __new__(cls, *_: Any, **__: Any) -> NoReturn:
        extras.require("worker", whose=f"`{cls.__name__}`")
        raise AssertionError(f"{cls.__name__} was not installed, and now is")


@cache
def canvas() -> ModuleType:
    """Celery's canvas; to be asked for before a script can start any of it.

    `group(pixyz_execute.s(...) for ...)()` looks for the group's `apply_async` before the first task is made.
    """
    from celery import canvas

    for name in _KINDS:
        kind = getattr(canvas, name)
        kind.apply_async = _ours_first(kind.apply_async)
    return canvas


def _ours_first(original: Any) -> Any:
    """Celery's `apply_async` of one kind, but for workflows of our task."""

    def apply_async(self: Any, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        from pixyz_scheduler.script import celery_side

        # The header of a chord may be empty.
        if not any(map(celery_side.is_ours, (self, (kwargs or {}).get("body")))):
            return original(self, args, kwargs, **options)
        return celery_side.start(self, tuple(args or ()), dict(kwargs or {}), options)

    return apply_async
