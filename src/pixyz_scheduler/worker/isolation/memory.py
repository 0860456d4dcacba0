"""MemoryGuard: weighs an attempt, all its processes together, and says when it is too heavy or was killed for it."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pixyz_scheduler.jobs.outcome import OutOfMemory
from pixyz_scheduler.worker.isolation import tree
from pixyz_scheduler.worker.limits import MemoryLimit

# Reading a tree's PSS costs milliseconds; reading its resident size microseconds.
_EXACT_EACH = 0.5
# What a group holds beside the job: its warden and a spare.
_BESIDE = 32 * 1024
_NEVER = float("inf")
_SIGKILL = 9


class Scale(Protocol):
    """How the processes of an attempt are weighed; all in KiB.

    Attributes:
        has_wall: the kernel ends, or refuses, what grows over the limit, and `kills` counts no other's.
        refuses: it refuses: what was refused ends as it likes.
    """

    has_wall: bool
    refuses: bool

    def hold(self, limit: int) -> None:
        """Keep them below this, where the kernel helps with it; 0 for no limit."""

    def used(self, limit: int) -> int:
        """What they use, at most; exactly where that is above the limit."""

    def kills(self) -> int:
        """How many processes the kernel has killed so far for want of memory, as near to these as can be told."""

    def pause(self, limit: MemoryLimit, used: int) -> float:
        """Seconds until the next look."""


class TreeScale:
    """Of the resident sizes, an upper bound that costs little, and where that is too much of what is really theirs.

    Args:
        pids: who is weighed, asked at each look.
        now: monotonic seconds.
        resident: the bound of these, in KiB; by /proc.
        exact: what they take; dear.
    """

    has_wall = False
    refuses = False

    def __init__(
        self,
        pids: Callable[[], Iterable[int]],
        *,
        now: Callable[[], float] = time.monotonic,
        resident: Callable[[Iterable[int]], int] = tree.resident,
        exact: Callable[[Iterable[int]], int] = tree.proportional,
    ) -> None:
        self._pids = pids
        self._now = now
        self._resident = resident
        self._exact = exact
        # What the last exact look found less than the bound; and when.
        self._shared = 0
        self._looked = -_NEVER

    def hold(self, limit: int) -> None:
        """Nobody helps."""

    def used(self, limit: int) -> int:
        """See Scale."""
        pids = list(self._pids())
        bound = self._resident(pids)
        if not limit or bound <= limit:
            return bound
        now = self._now()
        # Since the last exact look it has grown by no more than its resident size: unless that alone is too much,
        # the dear look can wait.
        if bound - self._shared > limit or now - self._looked >= _EXACT_EACH:
            self._looked, exact = now, self._exact(pids)
            self._shared = max(0, bound - exact)
            return exact
        return bound - self._shared

    def kills(self) -> int:
        """Of the whole machine: who else was killed cannot be told."""
        with suppress(OSError):
            for line in Path("/proc/vmstat").read_bytes().splitlines():
                if line.startswith(b"oom_kill "):
                    return int(line.split()[1])
        return 0

    def pause(self, limit: MemoryLimit, used: int) -> float:
        """Until they could have grown to the limit."""
        return limit.next_look(used) if limit.is_set else _NEVER


class Unweighed:
    """Nobody weighs: the attempt is no process of its own."""

    has_wall = False
    refuses = False

    def hold(self, limit: int) -> None:
        """Nobody helps."""

    def used(self, limit: int) -> int:  # noqa: ARG002  (protocol)
        """Nothing is known."""
        return 0

    def kills(self) -> int:
        """None of it."""
        return 0

    def pause(self, limit: MemoryLimit, used: int) -> float:  # noqa: ARG002  (protocol)
        """Never again."""
        return _NEVER


class Walled(Protocol):
    """A group of processes that has a wall of the kernel's; in KiB. Each raises OSError."""

    def hold(self, limit: int) -> None:
        """Put the wall here; 0 for none."""

    def used(self) -> int:
        """What they have, or have had at most."""

    def kills(self) -> int:
        """How often somebody ran into it."""


class GroupScale:
    """By a group with a wall: looks are for the peak, and for who ran into the wall.

    Args:
        group: of control groups, or a Job Object.
        beside: what it holds beside the job.
        refuses: see Scale.
    """

    has_wall = True

    def __init__(self, group: Walled, *, beside: int = _BESIDE, refuses: bool = False) -> None:
        self._group = group
        self._beside = beside
        self._wanted = 0
        self.refuses = refuses

    def hold(self, limit: int) -> None:
        """See Scale. A wall that cannot be set yet is set by a later look."""
        self._wanted = limit + self._beside if limit else 0
        with suppress(OSError):
            self._group.hold(self._wanted)

    def used(self, limit: int) -> int:  # noqa: ARG002  (the wall knows it)
        """See Scale; the slot's own warden and spare, a few MiB, are among them."""
        with suppress(OSError):
            self._group.hold(self._wanted)
        with suppress(OSError):
            return self._group.used()
        return 0

    def kills(self) -> int:
        """In the group alone."""
        with suppress(OSError):
            return self._group.kills()
        return 0

    def pause(self, limit: MemoryLimit, used: int) -> float:  # noqa: ARG002  (the wall does not wait for a look)
        """Short, so that a job whose helper ran into the wall is ended soon."""
        return 0.1 if limit.is_set else 1.0


class MemoryGuard:
    """Watches one attempt. Time comes in, as monotonic seconds.

    Args:
        limit: what it may use.
        scale: weighs it.
        now: when it begins.
    """

    def __init__(self, limit: MemoryLimit, scale: Scale, now: float) -> None:
        self._limit = limit
        self._scale = scale
        self._kills = scale.kills()
        self.peak = 0
        scale.hold(limit.limit)
        self.next_look = now if limit.is_set else now + scale.pause(limit, 0)

    def look(self, now: float) -> OutOfMemory | None:
        """Weigh it where it is time."""
        if now < self.next_look:
            return None
        used = self._scale.used(self._limit.limit)
        self.peak = max(self.peak, used)
        self.next_look = now + self._scale.pause(self._limit, used)
        if self._scale.has_wall:
            # Whom the kernel chose may be a helper of the script's, which goes on without it.
            return self.kernel_was_faster() if self._limit.is_set else None
        return OutOfMemory(self._limit.limit, used) if self._limit.is_exceeded(used) else None

    def was_behind(self, signal: int | None) -> OutOfMemory | None:
        """Of a child that ended, by this signal or by itself, and not by us: whether the wall was the reason."""
        return self.kernel_was_faster() if signal == _SIGKILL or self._scale.refuses else None

    def kernel_was_faster(self) -> OutOfMemory | None:
        """Whether the kernel has ended, or refused, somebody for want of memory since this guard began."""
        if self._scale.kills() <= self._kills:
            return None
        return OutOfMemory(self._limit.limit if self._scale.has_wall else 0)
