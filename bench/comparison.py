"""Comparison: two runs, figure by figure, each as a ratio to the floor of its own run."""

from dataclasses import dataclass

from bench.results import Results

# A ratio that is worse by more than this is a regression.
TOLERANCE = 0.2


@dataclass(frozen=True)
class Change:
    """Of one figure between two runs.

    Attributes:
        name: of the figure.
        before, after: its ratio to the floor, or its median where it has none.
        worse: after to before, turned so that above 1 is worse.
        counts: it is one of those that are judged.
    """

    name: str
    before: float
    after: float
    worse: float
    counts: bool

    @property
    def is_regression(self) -> bool:
        """Worse by more than the tolerance."""
        return self.counts and self.worse > 1 + TOLERANCE


def compare(before: Results, after: Results) -> list[Change]:
    """Each figure that both have and that is no floor itself, in the later one's order."""
    floors = {figure.floor for figure in after.figures}
    earlier = before.by_name
    changes = []
    for figure in after.figures:
        if figure.name in floors or figure.name not in earlier:
            continue
        was = earlier[figure.name]
        ratios = before.ratio(was), after.ratio(figure)
        # A floor that one of them lacks, or another floor, compares nothing.
        apart = None in ratios or was.floor != figure.floor
        first, second = (was.median, figure.median) if apart else (float(r) for r in ratios if r is not None)
        worse = _over(first, second) if figure.more_is_better else _over(second, first)
        changes.append(Change(figure.name, first, second, worse, figure.compared))
    return changes


def missing(before: Results, after: Results) -> list[str]:
    """Figures of the earlier run that the later one does not have."""
    return [name for name in before.by_name if name not in after.by_name]


def _over(upper: float, lower: float) -> float:
    if upper == lower:
        return 1.0
    return upper / lower if lower else float("inf")
