"""pixyz_schedule: what a script says of how it wants to run; kept on the function, never in its way."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar, cast, overload

Function = TypeVar("Function", bound=Callable[..., Any])

ATTRIBUTE = "__pixyz_schedule__"


@dataclass(frozen=True)
class ScheduleOptions:
    """The arguments of one `@pixyz_schedule(...)`; None means: not said."""

    queue: str | None = None
    timeout: float | None = None
    """Seconds that the job may run."""
    wait: bool = False
    """The function returns an AsyncResult, and the job ends when that does."""
    entrypoint: str | None = None
    no_progress_limit: float | None = None
    """Seconds that it may run without telling progress."""
    priority: int | None = None
    compute_only: bool | None = None
    raw: bool | None = None
    root_file: str | None = None
    cache: bool | None = None
    """The outputs of an earlier job that did the same work will do."""
    other: MappingProxyType[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What we do not know, kept as it was said."""


_KNOWN = frozenset(ScheduleOptions.__dataclass_fields__) - {"other"}


@overload
def pixyz_schedule(function: Function, /) -> Function: ...
@overload
def pixyz_schedule(
    *, queue: str | None = None, timeout: float | None = None, wait: bool = False, **others: Any
) -> Callable[[Function], Function]: ...
def pixyz_schedule(function: Any = None, /, **arguments: Any) -> Any:
    """Say how a function wants to run: `@pixyz_schedule(queue="gpu", timeout=3600)`, or bare.

    The function stays as it is and can be called directly. The scheduler reads the arguments from the source, so
    they must be constants. `time_limit` is another name of `timeout`.

    Raises:
        TypeError: an argument of the wrong type, or not given by name.
    """
    if function is not None and not callable(function):
        raise TypeError(f'pixyz_schedule takes its arguments by name: pixyz_schedule(queue="gpu"), not {function!r}.')
    options = _options(arguments)

    def decorate(decorated: Function) -> Function:
        setattr(decorated, ATTRIBUTE, options)
        return decorated

    return decorate if function is None else decorate(function)


def schedule_of(function: Callable[..., Any]) -> ScheduleOptions | None:
    """The options that a function was decorated with; None when it was not."""
    return cast("ScheduleOptions | None", getattr(function, ATTRIBUTE, None))


def _options(arguments: dict[str, Any]) -> ScheduleOptions:
    if "time_limit" in arguments:
        arguments.setdefault("timeout", arguments.pop("time_limit"))
    for name in ("timeout", "no_progress_limit"):
        seconds = arguments.get(name)
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0):
            raise TypeError(f"pixyz_schedule: {name} must be seconds above 0, not {seconds!r}.")
    for name in ("queue", "entrypoint", "root_file"):
        if not isinstance(arguments.get(name), str | None):
            raise TypeError(f"pixyz_schedule: {name} must be text, not {arguments[name]!r}.")
    other = {name: arguments.pop(name) for name in sorted(arguments.keys() - _KNOWN)}
    if other:
        warnings.warn(f"pixyz_schedule does not know {', '.join(other)}; ignored.", stacklevel=3)
    return ScheduleOptions(**arguments, other=MappingProxyType(other))
