"""Hops: where the time of one attempt went, from its place in line to its end in the record."""

from collections.abc import Mapping
from dataclasses import dataclass

HOPS = ("waited", "began", "ran", "left", "committed")
"""In order; each from the end of the one before.

waited: in line, until a worker claimed it. began: to the script's first line. ran: to its last word (result or error).
left: until its process and all that it started were gone. committed: until the end stood in the record.
"""

BOUNDS = (*(step * 10**power for power in range(3, 10) for step in (1, 2, 5)), 10**10)
"""Microseconds, from one millisecond to some three hours: the buckets in which the store counts each hop."""


@dataclass(frozen=True)
class Moments:
    """What a worker sees of an attempt, in seconds of its monotonic clock.

    Attributes:
        gone: when its process and all that it started were gone, or it was clear that none would begin.
        first: the script's first line, as its process says; None where it did not say.
        last: the script's last word; None where there was none.
    """

    gone: float
    first: float | None = None
    last: float | None = None

    def to_text(self, claimed: float) -> str:
        """Whole microseconds from the claim on: `began ran left`, `-` for what nobody knows.

        A script may lie: no hop is negative, and together they are what the worker saw itself.
        """
        first, last = self.script(claimed)
        if first is None or last is None:
            return f"- - {_us(self.gone - claimed)}"
        return f"{_us(first - claimed)} {_us(last - first)} {_us(self.gone - last)}"

    def script(self, claimed: float) -> tuple[float | None, float | None]:
        """Its first line and its last word, made to fit: not before the claim; neither where one is not known."""
        if self.first is None or self.last is None:
            return None, None
        return min(max(self.first, claimed), self.last), self.last


def hops_of(text: str | None) -> Mapping[str, float]:
    """Seconds by hop, as a record keeps them; those that nobody knows are not among them."""
    told = (text or "").split()
    if len(told) != len(HOPS):
        return {}
    return {hop: int(count) / 1e6 for hop, count in zip(HOPS, told, strict=True) if count != "-"}


def _us(seconds: float) -> int:
    return max(0, round(seconds * 1e6))
