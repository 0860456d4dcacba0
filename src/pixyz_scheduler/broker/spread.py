"""Spread: how long something took, counted by the store in buckets: as many as took no longer, and the sum.

Of a hash it is the fields `<name>:<microseconds at most>`, `<name>:inf`, and the sum `<name>:us`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pixyz_scheduler.jobs.hops import BOUNDS

_BUCKETS = (*((str(bound), f"{bound / 1e6:g}") for bound in BOUNDS), ("inf", "+Inf"))


@dataclass(frozen=True)
class Spread:
    """What was counted since the store is there.

    Attributes:
        buckets: pairs of seconds at most and how many took no longer; the last one is all of them, `+Inf`.
        seconds: together.
    """

    buckets: tuple[tuple[str, int], ...]
    seconds: float

    @classmethod
    def of(cls, counts: Mapping[str, str], name: str) -> "Spread":
        """Of such a hash."""
        total, buckets = 0, []
        for bound, told in _BUCKETS:
            total += int(counts.get(f"{name}:{bound}", 0))
            buckets.append((told, total))
        return cls(tuple(buckets), int(counts.get(f"{name}:us", 0)) / 1e6)
