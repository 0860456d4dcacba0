"""Parameters: a script's `params` by name and type; what is wrong with one is told with what is allowed."""

import math
from collections.abc import Sequence
from typing import Any

from pixyz_scheduler.errors import InvalidParams


class Parameters:
    """The `params` of a job.

    Each method reads one parameter. One that is missing, or null, has its default. What is never asked for is a likely
    slip of the pen: `unknown()` tells it, once all are read.

    Raises:
        InvalidParams: from the constructor where `params` is no JSON object, from each method where a value is wrong.
    """

    def __init__(self, params: Any, *, process: str) -> None:
        if not isinstance(params, dict):
            raise InvalidParams(f"{process}: params must be a JSON object, not {_shown(params)}.")
        self._params = params
        self._process = process
        self._asked: list[str] = []

    def number(
        self,
        name: str,
        *,
        default: float | None = None,
        least: float | None = None,
        over: float | None = None,
        most: float | None = None,
    ) -> float | None:
        """Give a number; `least` and `most` are allowed themselves, `over` is not."""
        value = self._value(name, default)
        if value is None:
            return None
        bounds = [
            *([f"at least {least:g}"] if least is not None else []),
            *([f"over {over:g}"] if over is not None else []),
            *([f"at most {most:g}"] if most is not None else []),
        ]
        allowed = " ".join(["a number", " and ".join(bounds)]).rstrip()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self._wrong(name, value, allowed)
        too_small = (least is not None and value < least) or (over is not None and value <= over)
        if too_small or (most is not None and value > most):
            raise self._wrong(name, value, allowed)
        number: float = value
        return number

    def whole(
        self, name: str, *, default: int | None = None, least: int | None = None, most: int | None = None
    ) -> int | None:
        """Give a whole number."""
        value = self.number(name, default=default, least=least, most=most)
        if value is not None and value != int(value):
            raise self._wrong(name, value, "a whole number")
        return None if value is None else int(value)

    def flag(self, name: str, *, default: bool) -> bool:
        """Give true or false."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, value, "true or false")
        return value

    def text(self, name: str, *, default: str | None = None) -> str | None:
        """Give a text."""
        value = self._value(name, default)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, value, "a text")
        return value

    def texts(self, name: str, *, default: Sequence[str]) -> tuple[str, ...]:
        """Give texts, at least one: of a list, or a single one."""
        value = self._value(name, list(default))
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not values or not all(isinstance(item, str) for item in values):
            raise self._wrong(name, value, "a list of texts")
        return tuple(values)

    def choice(self, name: str, allowed: Sequence[str], *, default: str) -> str:
        """Give one of the texts allowed."""
        value = self._value(name, default)
        if value not in allowed:
            raise self._wrong(name, value, f"one of {', '.join(allowed)}")
        return str(value)

    def choices(self, name: str, allowed: Sequence[str], *, default: Sequence[str]) -> tuple[str, ...]:
        """Give some of the texts allowed, at least one, each once: of a list, or a single text."""
        value = self._value(name, list(default))
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not values or any(item not in allowed for item in values):
            raise self._wrong(name, value, f"one or several of {', '.join(allowed)}")
        return tuple(dict.fromkeys(values))

    def unknown(self) -> tuple[str, ...]:
        """Give a warning for each parameter that was never asked for."""
        known = ", ".join(self._asked) or "none"
        return tuple(
            f"{self._process} does not know the parameter {_shown(name)}: it is ignored (known: {known})"
            for name in self._params
            if name not in self._asked
        )

    def _value(self, name: str, default: Any) -> Any:
        self._asked.append(name)
        value = self._params.get(name)
        return default if value is None else value

    def _wrong(self, name: str, value: Any, allowed: str) -> InvalidParams:
        return InvalidParams(f"{self._process}: {name} must be {allowed}, not {_shown(value)}.")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 (one line of text)
