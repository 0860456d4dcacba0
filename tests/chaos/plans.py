"""Plan: what one job of the load does, and how it may end."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from tests.chaos.shapes import Shape

KINDS = {
    "work": 64,
    "print": 6,
    "daemon": 8,
    "segfault": 5,
    "exit": 4,
    "raise": 7,
    "hungry": 2,
    "slow": 2,
    "silent": 2,
    "workflow": 16,
}
"""What a script does at its end, and how often."""

ENDS = {
    "work": ("SUCCESS", None),
    "print": ("SUCCESS", None),
    "daemon": ("SUCCESS", None),
    "segfault": ("FAILURE", "signal"),
    "exit": ("FAILURE", "exit"),
    "raise": ("FAILURE", "script_error"),
    # Too much for cpu, not for gpuhigh.
    "hungry": ("SUCCESS", None),
    "slow": ("FAILURE", "timeout"),
    "silent": ("FAILURE", "no_progress"),
    "workflow": ("SUCCESS", None),
}
"""State and cause where nothing comes between."""

COSTLY = frozenset({ENDS["segfault"], ENDS["exit"], ENDS["slow"], ENDS["silent"]})
"""Ends that come after a second attempt only."""

MEMORY_KIB, MEMORY_GPUHIGH_KIB = 160 << 10, 1 << 20
"""MAX_MEMORY_USAGE and MAX_MEMORY_USAGE_GPUHIGH of the workers."""

HOARD = 256 << 20
"""Bytes that a hungry job takes: between the two."""

PRIORITIES = (2, 5, 8)
_FOR_EVER = 90.0
_LONG_ENOUGH = 300.0
_FOR_A_FAMILY = 1200.0
"""Seconds that a workflow may take, whatever comes between."""
_SHORT = 1.5


@dataclass(frozen=True)
class Plan:
    """One job.

    Attributes:
        kind: see KINDS.
        seconds: that it works.
        size: bytes of its input; 0 for none.
        priority: of PRIORITIES.
        limit: seconds until it is too slow, or silent for too long.
        shape: of a workflow; then `seconds` is what it, and each of its sub-tasks, works.
    """

    kind: str = "work"
    seconds: float = 0.1
    size: int = 0
    priority: int = 5
    limit: float = _SHORT
    shape: Shape | None = None

    @classmethod
    def drawn(cls, dice: random.Random, *, scale: float) -> "Plan":
        """Any of them; most are short, some outlast a lease, some two."""
        kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
        seconds = dice.choices((0.02, 0.1, 0.3, 1.0, 3.0, 8.0, 20.0), (3, 3, 3, 3, 3, 2, 2))[0] * max(scale, 0.1)
        if kind in ("slow", "silent"):
            seconds = _FOR_EVER
        elif kind == "hungry":
            # Whoever weighs it looks each half second.
            seconds = max(seconds, 2.0)
        shape = None
        if kind == "workflow":
            seconds, shape = min(seconds, 3.0 * max(scale, 0.1)), Shape.drawn(dice)
        return cls(kind, seconds, priority=dice.choice(PRIORITIES), limit=_SHORT * max(scale, 0.5), shape=shape)

    @property
    def end(self) -> tuple[str, str | None]:
        """State and cause where nothing comes between."""
        return ENDS[self.kind]

    @property
    def config(self) -> Mapping[str, object]:
        """Of the job."""
        config: dict[str, object] = {"queue": "cpu", "priority": self.priority, "time_limit": _LONG_ENOUGH}
        if self.kind == "slow":
            config["time_limit"] = self.limit
        if self.kind == "silent":
            config["no_progress_limit"] = self.limit
        if self.shape is not None:
            config |= {"entrypoint": "awaits" if self.shape.waits else "leaves", "time_limit": _FOR_A_FAMILY}
        return config
