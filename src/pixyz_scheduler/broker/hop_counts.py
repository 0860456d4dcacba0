"""HopCounts: how long each hop of the farm's attempts took, counted in the store by the commit itself.

Key: ps:hops, hash; for ever. Of each hop the attempts by bucket (`<hop>:<microseconds at most>`, `<hop>:inf`),
and the sum (`<hop>:us`).
"""

from dataclasses import dataclass
from typing import cast

import redis

from pixyz_scheduler.broker.connection import store_errors
from pixyz_scheduler.jobs.hops import BOUNDS, HOPS


@dataclass(frozen=True)
class HopCount:
    """One hop of all attempts since the store is there.

    Attributes:
        hop: its name.
        buckets: pairs of seconds at most and attempts that took no longer; the last one is all of them, `+Inf`.
        seconds: together.
    """

    hop: str
    buckets: tuple[tuple[str, int], ...]
    seconds: float


class HopCounts:
    """The counts of one farm.

    Args:
        client: decoded answers.
    """

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def read(self) -> list[HopCount]:
        """All hops; raises StoreUnavailable."""
        with store_errors():
            counts = cast("dict[str, str]", self._client.hgetall("ps:hops"))
        return [_count(hop, counts) for hop in HOPS]


def _count(hop: str, counts: dict[str, str]) -> HopCount:
    total, buckets = 0, []
    for bound, told in [*((str(bound), f"{bound / 1e6:g}") for bound in BOUNDS), ("inf", "+Inf")]:
        total += int(counts.get(f"{hop}:{bound}", 0))
        buckets.append((told, total))
    return HopCount(hop, tuple(buckets), int(counts.get(f"{hop}:us", 0)) / 1e6)
