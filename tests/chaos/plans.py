"""Plan: what one job of the load does, and how it may end."""

import random
from dataclasses import dataclass

KINDS = {"work": 70, "print": 6, "daemon": 8, "segfault": 5, "exit": 4, "raise": 7}
"""What a script does at its end, and how often."""

ENDS = {
    "work": ("SUCCESS", None),
    "print": ("SUCCESS", None),
    "daemon": ("SUCCESS", None),
    "segfault": ("FAILURE", "signal"),
    "exit": ("FAILURE", "exit"),
    "raise": ("FAILURE", "script_error"),
}
"""State and cause where nothing comes between."""

COSTLY = frozenset({ENDS["segfault"], ENDS["exit"]})
"""Ends that come after a second attempt only."""


@dataclass(frozen=True)
class Plan:
    """One job.

    Attributes:
        kind: see KINDS.
        seconds: that it works.
        size: bytes of its input; 0 for none.
    """

    kind: str = "work"
    seconds: float = 0.1
    size: int = 0

    @classmethod
    def drawn(cls, dice: random.Random, *, scale: float) -> "Plan":
        """Any of them; most are short, some outlast a lease, some two."""
        kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
        seconds = dice.choices((0.02, 0.1, 0.3, 1.0, 3.0, 8.0, 20.0), (3, 3, 3, 3, 3, 2, 2))[0]
        return cls(kind, seconds * max(scale, 0.1))

    @property
    def end(self) -> tuple[str, str | None]:
        """State and cause where nothing comes between."""
        return ENDS[self.kind]
