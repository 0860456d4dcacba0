"""Steps: a row of steps as a value that costs little to make longer and to tell again and again."""

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import overload

from typing_extensions import Self

UNFINISHED = -1.0


@dataclass(frozen=True)
class Step:
    """One step: what it does, when it began (epoch seconds), how long it took in seconds (-1 while it runs)."""

    info: str
    began: float
    duration: float = UNFINISHED

    def finished(self, now: float) -> "Step":
        """The step, over."""
        return self if self.duration != UNFINISHED else replace(self, duration=max(0.0, now - self.began))

    @property
    def text(self) -> str:
        """As JSON."""
        return json.dumps([self.info, self.began, self.duration], separators=(",", ":"))


class _Row:
    """Steps that are over, and what was told of them; it only grows."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        self._texts: list[str] = []
        self._telling = threading.Lock()

    def texts(self, count: int) -> list[str]:
        """Of the first so many; each is made once."""
        with self._telling:
            self._texts += [step.text for step in self.steps[len(self._texts) : count]]
            return self._texts[:count]


class Steps(Sequence[Step]):
    """In order; equal to any sequence of the same steps.

    All but the last lie in a row that grows, of which each value sees as much as there was when it was made. So a
    script may tell fifty thousand steps, and none of them copies those before it or makes their text anew. One thread
    makes rows longer; any reads them.
    """

    __slots__ = ("_count", "_last", "_row")

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        over = list(steps)
        self._last = over.pop() if over else None
        self._row = _Row(over)
        self._count = len(over)

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Self:
        """Itself, where it is one."""
        return steps if isinstance(steps, cls) else cls(steps)

    def and_then(self, step: Step) -> Self:
        """With one more."""
        if self._last is None:
            return type(self)((step,))
        row = self._row
        if len(row.steps) > self._count:
            # Another went on from here, with a step of its own.
            row = _Row(row.steps[: self._count])
        row.steps.append(self._last)
        return self._made(row, self._count + 1, step)

    def finished(self, now: float) -> Self:
        """With the last one over."""
        if self._last is None or self._last.duration != UNFINISHED:
            return self
        return self._made(self._row, self._count, self._last.finished(now))

    @property
    def text(self) -> str:
        """As JSON: a list of [info, began, duration]."""
        last = [] if self._last is None else [self._last.text]
        return f"[{','.join([*self._row.texts(self._count), *last])}]"

    def __len__(self) -> int:
        return self._count + (self._last is not None)

    @overload
    def __getitem__(self, at: int) -> Step: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Step]: ...
    def __getitem__(self, at: int | slice) -> Step | Sequence[Step]:
        return self._all()[at]

    def __iter__(self) -> Iterator[Step]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and self._all() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return repr(self._all())

    def _all(self) -> tuple[Step, ...]:
        over = self._row.steps[: self._count]
        return tuple(over) if self._last is None else (*over, self._last)

    @classmethod
    def _made(cls, row: _Row, count: int, last: Step) -> Self:
        made = cls()
        made._row, made._count, made._last = row, count, last
        return made
