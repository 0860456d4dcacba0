"""Shape: which sub-tasks a job of the load starts, with whose results each begins, and what the job ends with."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

Needs = Any
"""None, the name of a sub-task, or a list of such: with what it is called, or what it ends with."""

KINDS = {"chain": 4, "chord": 5, "scatter": 3, "nested": 3}
"""One after another; some and one with all of their results; some, each started by itself; one that starts a chord
between two others. And how often."""

_INNER = "inner"
_WAIT, _BARE, _CRASH = 0.75, 0.5, 0.3
_LONGEST_PAUSE = 0.08


@dataclass(frozen=True)
class Shape:
    """Of one workflow.

    Attributes:
        kind: of KINDS.
        parts: how many sub-tasks there are beside those that gather.
        waits: the job ends with them (`wait=True`); else it ends at once, and tells them (`as_tuple()`).
        bare: the sub-tasks have no folders of their own (`compute_only`).
        crashes: the name of one that crashes once; empty for none.
        pause: seconds before each start.
    """

    kind: str = "chain"
    parts: int = 3
    waits: bool = True
    bare: bool = False
    crashes: str = ""
    pause: float = 0.0

    @classmethod
    def drawn(cls, dice: random.Random) -> "Shape":
        """Any of them."""
        kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
        shape = cls(kind, dice.choice((2, 3, 5)), waits=dice.random() < _WAIT, bare=dice.random() < _BARE)
        crashes = dice.choice([name for name in shape.needs if name != _INNER]) if dice.random() < _CRASH else ""
        return replace(shape, crashes=crashes, pause=dice.uniform(0, _LONGEST_PAUSE))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Shape":
        """From what `vars` of one is."""
        return cls(**values)

    @property
    def names(self) -> list[str]:
        """Of the parts."""
        return [f"part{number}" for number in range(self.parts)]

    @property
    def needs(self) -> dict[str, Needs]:
        """Each sub-task, and with whose results it is called; None where it is with something known."""
        match self.kind:
            case "chain":
                return {name: f"part{number - 1}" if number else None for number, name in enumerate(self.names)}
            case "chord":
                return {**dict.fromkeys(self.names), "body": self.names}
            case "nested":
                return {"first": None, _INNER: "first", "last": _INNER}
            case _:
                return dict.fromkeys(self.names)

    @property
    def end(self) -> Needs:
        """With what the job ends that waits for them."""
        return {"chain": self.names[-1], "chord": "body", "nested": "last"}.get(self.kind, self.names)
