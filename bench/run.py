"""Run: the groups that were asked for, one after the other, each after the floors that it stands beside."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import machine
from bench.figure import Figure
from bench.floors import FLOORS
from bench.ground import Ground
from bench.groups import GROUPS
from bench.report import facts, heading, line
from bench.results import Results


def run(
    names: Sequence[str], *, quick: bool, packages: tuple[str, ...], folder: Path | None, say: Callable[[str], None]
) -> Results:
    """Measure; each figure is said as it is there."""
    results = Results(machine.facts(quick=quick), ())
    say(facts(results))
    say(heading())
    with tempfile.TemporaryDirectory(prefix="pixyz-bench-", dir=folder) as place:
        ground = Ground(Path(place), quick=quick, packages=packages)
        for name in names:
            group = GROUPS[name]
            say(f"\n{name}")
            for floor in group.floors:
                if floor not in results.by_name:
                    results = _with(results, FLOORS[floor](ground), say)
            for figure in group.measure(ground):
                results = _with(results, figure, say)
    return Results({**results.facts, "load at the end": machine.load()}, results.figures)


def _with(results: Results, figure: Figure, say: Callable[[str], None]) -> Results:
    results = Results(results.facts, (*results.figures, figure))
    say(line(figure, results.ratio(figure)))
    return results
