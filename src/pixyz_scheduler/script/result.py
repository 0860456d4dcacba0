"""What a script returns, turned into JSON, or refused with the type and the place of what JSON cannot hold."""

import dataclasses
import enum
import json
import math
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pixyz_scheduler.errors import SchedulerError

MAX_DEPTH = 100
"""Levels of nesting; the JSON readers of other languages give up not far above."""
MAX_BYTES = 64 * 1024 * 1024
"""As JSON, counted roughly: it is a guard, not a measure."""
MAX_ARRAY = 100_000
"""Elements of one numpy array; more belongs into a file."""
MAX_INTEGER_BITS = 14_000
"""About 4200 digits: Python writes no longer number as text."""

_INTO_A_FILE = "write it into a file in pc.get_output_dir() instead"


class ResultError(SchedulerError):
    """A value that JSON cannot hold; names its type and its place, as in `result["a"][3]`."""


def to_json(value: Any, *, name: str = "result", limit: int = MAX_BYTES) -> Any:
    """The same value, made of dict, list, str, int, float, bool and None only.

    Tuples become lists, dates ISO 8601 text, Decimal a number, Enum its value, Path and UUID text, timedelta seconds;
    dataclasses, pydantic models become objects, numpy scalars and small arrays numbers and lists.

    Raises:
        ResultError: anything else; NaN and infinity, lone surrogates, cycles; nested or written too long.
    """
    return _Conversion(name, limit).convert(value, ())


class _Conversion:
    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._written = 0
        self._open: set[int] = set()

    def convert(self, value: Any, path: tuple[object, ...]) -> Any:
        if value is None or isinstance(value, bool):
            self._count(5, path)
            return value
        convert: Callable[[Any, tuple[object, ...]], Any]
        if isinstance(value, enum.Enum):
            value, convert = value.value, self.convert
        elif isinstance(value, str):
            convert = self._text
        elif isinstance(value, int):
            convert = self._integer
        elif isinstance(value, float):
            convert = self._number
        elif isinstance(value, Mapping):
            convert = self._object
        elif isinstance(value, list | tuple):
            convert = self._array
        else:
            convert = self._convert_other
        return convert(value, path)

    def _convert_other(self, value: Any, path: tuple[object, ...]) -> Any:
        if isinstance(value, PurePath | UUID):
            return self._text(str(value), path)
        if isinstance(value, datetime | date | time):
            return self._text(value.isoformat(), path)
        if isinstance(value, timedelta):
            return self._number(value.total_seconds(), path)
        if isinstance(value, Decimal):
            return self._decimal(value, path)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return self._inside(value, path, lambda: self._items(fields, path))
        if isinstance(value, bytes | bytearray | memoryview):
            raise self._refusal(path, f"is {_article(value)}, which JSON cannot hold: decode it, or {_INTO_A_FILE}")
        if isinstance(value, set | frozenset):
            raise self._refusal(path, f"is a {type(value).__name__}, which has no order: use sorted(...) or list(...)")
        return self._convert_library_value(value, path)

    def _convert_library_value(self, value: Any, path: tuple[object, ...]) -> Any:
        """Values of libraries that are looked at only where the script has loaded them."""
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, numpy.ndarray | numpy.generic) and value.dtype.kind in "mM":
            return self._numpy_time(value, path)
        if numpy is not None and isinstance(value, numpy.ndarray):
            if value.size > MAX_ARRAY:
                raise self._refusal(path, f"is an array of {value.size} elements (at most {MAX_ARRAY}): {_INTO_A_FILE}")
            return self.convert(value.tolist(), path)
        if numpy is not None and isinstance(value, numpy.generic) and not isinstance(value.item(), numpy.generic):
            return self.convert(value.item(), path)
        pydantic = sys.modules.get("pydantic")
        if pydantic is not None and isinstance(value, pydantic.BaseModel):
            return self._inside(value, path, lambda: self._items(value.model_dump(), path))
        raise self._refusal(path, f"is {_article(value)}, which is not JSON")

    def _numpy_time(self, value: Any, path: tuple[object, ...]) -> Any:
        """As datetime and timedelta: numpy itself gives nanoseconds as bare whole numbers."""
        numpy = sys.modules["numpy"]
        if numpy.isnat(value).any():
            raise self._refusal(path, "is, or has, NaT, which JSON cannot hold: use None")
        is_moment = value.dtype.kind == "M"
        return self.convert(value.astype(str) if is_moment else value / numpy.timedelta64(1, "s"), path)

    def _inside(self, value: Any, path: tuple[object, ...], convert: Callable[[], Any]) -> Any:
        if len(path) >= MAX_DEPTH:
            raise self._refusal(path[:3], f"is nested more than {MAX_DEPTH} levels deep")
        if id(value) in self._open:
            raise self._refusal(path, "contains itself")
        self._open.add(id(value))
        converted = convert()
        self._open.discard(id(value))
        self._count(2, path)
        return converted

    def _object(self, value: Mapping[Any, Any], path: tuple[object, ...]) -> Any:
        return self._inside(value, path, lambda: self._items(value, path))

    def _items(self, value: Mapping[Any, Any], path: tuple[object, ...]) -> dict[str, Any]:
        converted: dict[str, Any] = {}
        for key, item in value.items():
            text = self._key(key, path)
            if text in converted:
                raise self._refusal((*path, text), "stands there twice: two keys become the same text")
            converted[text] = self.convert(item, (*path, text))
        return converted

    def _array(self, value: list[Any] | tuple[Any, ...], path: tuple[object, ...]) -> Any:
        return self._inside(value, path, lambda: [self.convert(v, (*path, i)) for i, v in enumerate(value)])

    def _key(self, key: Any, path: tuple[object, ...]) -> str:
        scalar = key if isinstance(key, str) and type(key) is str else self._scalar_key(key, path)
        return self._text(scalar, path)

    def _scalar_key(self, key: Any, path: tuple[object, ...]) -> str:
        """Keys as `json.dumps` writes them: 1 is "1", True "true", None "null"."""
        if isinstance(key, tuple | list | Mapping) or dataclasses.is_dataclass(key):
            raise self._refusal(path, f"has a key {_article(key)}; JSON's keys are text")
        scalar = self.convert(key, path)
        return scalar if isinstance(scalar, str) else json.dumps(scalar)

    def _text(self, value: str, path: tuple[object, ...]) -> str:
        text = str.__str__(value)
        if text.isascii():
            self._count(len(text) + 2, path)
        else:
            try:
                self._count(len(text.encode()) + 2, path)
            except UnicodeEncodeError as error:
                raise self._refusal(path, f"has a lone surrogate at character {error.start}, no valid text") from None
        return text

    def _integer(self, value: int, path: tuple[object, ...]) -> int:
        if value.bit_length() > MAX_INTEGER_BITS:
            raise self._refusal(path, f"is a whole number of {value.bit_length()} bits, too long to be written")
        self._count(1 + value.bit_length() // 3, path)
        return int(value)

    def _number(self, value: float, path: tuple[object, ...]) -> float:
        if not math.isfinite(value):
            raise self._refusal(path, f"is {float(value)}, which JSON cannot hold: use None")
        self._count(8, path)
        return float(value)

    def _decimal(self, value: Decimal, path: tuple[object, ...]) -> int | float:
        if value.is_finite() and value == value.to_integral_value() and value.adjusted() < MAX_INTEGER_BITS // 4:
            return self._integer(int(value), path)
        return self._number(float(value) if not value.is_snan() else math.nan, path)

    def _count(self, size: int, path: tuple[object, ...]) -> None:
        self._written += size + 1
        if self._written > self._limit:
            raise self._refusal(path[:1], f"makes this longer than {self._limit} bytes: {_INTO_A_FILE}")

    def _refusal(self, path: tuple[object, ...], what: str) -> ResultError:
        place = "".join(f"[{_shown(part)}]" for part in path)
        return ResultError(f"{self._name}{place} {what}.")


def _shown(part: object) -> str:
    return json.dumps(part[:80]) if isinstance(part, str) else str(part)


def _article(value: object) -> str:
    kind = type(value)
    module = "" if kind.__module__ in {"builtins", "__main__"} else f"{kind.__module__}."
    return f"of type {module}{kind.__qualname__}"
