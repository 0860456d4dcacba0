"""Steps: a row of steps as a value that costs little to make longer: those that are over are held in common."""

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


class Steps(Sequence[Step]):
    """In order; equal to any sequence of the same steps.

    All but the last lie in a list that grows, of which each value sees as much as there was when it was made. So a
    script may tell fifty thousand steps, and none of them copies those before it. One thread makes rows longer; any
    reads them.
    """

    __slots__ = ("_count", "_last", "_shared")

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        shared = list(steps)
        self._last = shared.pop() if shared else None
        self._shared = shared
        self._count = len(shared)

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Self:
        """Itself, where it is one."""
        return steps if isinstance(steps, cls) else cls(steps)

    def and_then(self, step: Step) -> Self:
        """With one more."""
        if self._last is None:
            return type(self)((step,))
        shared = self._shared
        if len(shared) > self._count:
            # Another went on from here, with a step of its own.
            shared = shared[: self._count]
        shared.append(self._last)
        return self._made(shared, self._count + 1, step)

    def finished(self, now: float) -> Self:
        """With the last one over."""
        if self._last is None or self._last.duration != UNFINISHED:
            return self
        return self._made(self._shared, self._count, self._last.finished(now))

    def __len__(self) -> int:
        return self._count + (self._last is not None)

    @overload
    def __getitem__(self, at: int) -> Step: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Step]: ...
    def __getitem__(self, at: int | slice) -> Step | Sequence[Step]:
        return self._row()[at]

    def __iter__(self) -> Iterator[Step]:
        return iter(self._row())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and self._row() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._row())

    def __repr__(self) -> str:
        return repr(self._row())

    def _row(self) -> tuple[Step, ...]:
        over = self._shared[: self._count]
        return tuple(over) if self._last is None else (*over, self._last)

    @classmethod
    def _made(cls, shared: list[Step], count: int, last: Step) -> Self:
        made = cls()
        made._shared, made._count, made._last = shared, count, last
        return made
