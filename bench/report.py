"""Report: figures and comparisons as text."""

from collections.abc import Iterable, Sequence

from bench.comparison import Change
from bench.figure import Figure
from bench.results import Results

_TITLE = 62


def heading() -> str:
    """Over the table."""
    return f"{'':{_TITLE}}{'n':>6}{'median':>10}{'p95':>10}{'p99':>10} {'unit':9}{'to floor':>9}"


def line(figure: Figure, ratio: float | None) -> str:
    """A figure, what it does not include, and what it should be."""
    told = f"{ratio:9.2f}" if ratio is not None else ""
    cells = "".join(f"{_number(figure.at(share)):>10}" for share in (0.5, 0.95, 0.99))
    text = f"{figure.title:{_TITLE}}{figure.count:6}{cells} {figure.unit:9}{told}"
    notes = [f"not included: {figure.excludes}"] if figure.excludes else []
    notes += [f"floor: {figure.floor}"] if figure.floor else []
    notes += [f"wanted: {figure.target}"] if figure.target else []
    return "\n".join([text, *(f"    {note}" for note in notes)])


def facts(results: Results) -> str:
    """Where and when."""
    return "\n".join(f"{name}: {value}" for name, value in results.facts.items())


def table(results: Results) -> str:
    """As Markdown, for docs/explanation/performance.md."""
    rows = ["| figure | n | median | p99 | to its floor | wanted |", "|---|---|---|---|---|---|"]
    for figure in results.figures:
        ratio = results.ratio(figure)
        single = len(figure.samples) == 1
        cells = [
            f"`{figure.name}`: {figure.title.removeprefix('floor: ')}",
            str(figure.count),
            f"{_number(figure.median)} {figure.unit}",
            "" if single else _number(figure.at(0.99)),
            "" if ratio is None else f"{_number(ratio)} x `{figure.floor}`",
            figure.target,
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def comparison(changes: Iterable[Change], lacking: Sequence[str]) -> str:
    """A line a figure; regressions are marked."""
    rows = [f"{'ratio to the floor, or median where there is none':50}{'before':>10}{'after':>10}{'worse by':>10}"]
    for change in changes:
        mark = "  REGRESSION" if change.is_regression else ""
        cells = f"{_number(change.before):>10}{_number(change.after):>10}{change.worse - 1:>10.0%}"
        rows.append(f"{change.name:50}{cells}{mark}")
    if lacking:
        rows.append(f"not in the second: {', '.join(lacking)}")
    return "\n".join(rows)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"
