"""Figure: one thing that was measured, and what it does not include."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from bench.quantile import quantile

_DIGITS = 5
_KEPT = 201


@dataclass(frozen=True)
class Figure:
    """Samples of one thing.

    Attributes:
        name: of the figure, for comparing; `group.what`.
        title: for people.
        unit: of its samples.
        samples: as measured, in their order.
        excludes: what is not in it, in one line.
        floor: name of the figure it stands beside, measured in the same run; None for one that stands alone.
        more_is_better: a rate, and no duration or size.
        target: what issue 5 asks for, in its words; empty where it asks for nothing.
        compared: it is judged when two runs are compared; not where one bad moment makes it.
        measured: how many samples there were, where only some are kept; 0 where all are.
    """

    name: str
    title: str
    unit: str
    samples: tuple[float, ...]
    excludes: str
    floor: str | None = None
    more_is_better: bool = False
    target: str = ""
    compared: bool = True
    measured: int = 0

    def at(self, share: float) -> float:
        """The value below which this share of the samples lies."""
        return quantile(self.samples, share)

    @property
    def count(self) -> int:
        """How many samples there were."""
        return self.measured or len(self.samples)

    @property
    def median(self) -> float:
        """Half of the samples are below."""
        return self.at(0.5)

    def ratio_to(self, floor: Self) -> float:
        """Of the medians; above 1 is slower or larger than the floor, for a rate quicker. Infinite beside nothing."""
        return self.median / floor.median if floor.median else float("inf")

    def to_values(self) -> dict[str, Any]:
        """For JSON; of many samples the quantiles stay."""
        kept, measured = self.samples, self.measured
        if len(kept) > _KEPT:
            kept, measured = tuple(self.at(at / (_KEPT - 1)) for at in range(_KEPT)), self.count
        return {**vars(self), "measured": measured, "samples": [float(f"{sample:.{_DIGITS}g}") for sample in kept]}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """What `to_values` gave."""
        return cls(**{**values, "samples": tuple(values["samples"])})
