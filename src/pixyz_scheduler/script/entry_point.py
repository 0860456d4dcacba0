"""The function of a script that a job runs: found by name, called with as much as it takes."""

import inspect
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any

from pixyz_scheduler.errors import InvalidScript


def find(module: ModuleType, name: str) -> Callable[..., Any]:
    """The function of that name.

    Raises:
        InvalidScript: there is none; names those that are there.
    """
    function: Callable[..., Any] | None = getattr(module, name, None)
    if callable(function):
        return function
    own = [
        key
        for key, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    ]
    there = f"it has {', '.join(own)}" if own else "it has no function at all"
    raise InvalidScript(f"The script has no function {name!r}; {there}.")


def call(function: Callable[..., Any], pc: Mapping[str, Any], params: Any) -> Any:
    """Call with `(pc, params)`, `(pc)` or nothing, whichever the function takes; an `async def` runs to its end.

    Raises:
        InvalidScript: the function takes something else.
    """
    arguments = _arguments(function, (pc, params))
    result = function(*arguments)
    if inspect.iscoroutine(result):
        import asyncio  # 50 ms that most scripts need not pay

        return asyncio.run(result)
    return result


def _arguments(function: Callable[..., Any], most: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C: let it say itself what is wrong
        return most
    for count in range(len(most), -1, -1):
        try:
            signature.bind(*most[:count])
        except TypeError:
            continue
        return most[:count]
    name = getattr(function, "__name__", "entry point")
    raise InvalidScript(f"{name}{signature} cannot be an entry point: it must take (pc, params), (pc) or nothing.")
