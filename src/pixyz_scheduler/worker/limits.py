"""The limits of an attempt: its time and its memory. Pure; the clock and the figures come in."""

import math
from dataclasses import dataclass, replace

# How fast a tree may grow between two looks: 3 GB/s in KiB a second, as measured for a loop of allocations.
_GROWTH = 3_000_000
_SHORTEST, _LONGEST = 0.004, 0.1


@dataclass(frozen=True)
class Deadline:
    """When an attempt's time is over. Time in which its tree was frozen does not count; all in monotonic seconds."""

    limit: float
    started: float
    paused: float = 0.0
    paused_since: float | None = None

    def pause(self, now: float) -> "Deadline":
        """The tree was frozen."""
        return self if self.paused_since is not None else replace(self, paused_since=now)

    def resume(self, now: float) -> "Deadline":
        """The tree runs again."""
        if self.paused_since is None:
            return self
        return replace(self, paused=self.paused + now - self.paused_since, paused_since=None)

    def restarted(self, now: float) -> "Deadline":
        """The same limit, from now on."""
        return Deadline(self.limit, now, 0.0, None if self.paused_since is None else now)

    def left(self, now: float) -> float:
        """Seconds that are left; as long as the tree is frozen they do not get fewer."""
        until = now if self.paused_since is None else self.paused_since
        return self.limit - (until - self.started - self.paused)


@dataclass(frozen=True)
class MemoryLimit:
    """What the tree of a child may use, in KiB; 0 for no limit."""

    limit: int

    @property
    def is_set(self) -> bool:
        """Whether there is anything to watch."""
        return self.limit > 0

    def is_exceeded(self, used: int) -> bool:
        """Whether this much is too much."""
        return self.is_set and used > self.limit

    def next_look(self, used: int) -> float:
        """Seconds until the tree could have grown to the limit."""
        return min(_LONGEST, max(_SHORTEST, (self.limit - used) / _GROWTH))


@dataclass(frozen=True)
class Limits:
    """What one attempt may take: seconds in all, seconds without a sign of progress, memory; seconds before that."""

    time: float
    no_progress: float = math.inf
    memory: MemoryLimit = MemoryLimit(0)
    preparation: float = math.inf
