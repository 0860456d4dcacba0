"""The report of a run: a table for people, an object for machines."""

from typing import Any

from tests.chaos.checker import check
from tests.chaos.coverage import covered, uncovered
from tests.chaos.facts import Facts
from tests.chaos.figures import Figure, counts, durations, faults_by_kind

_LINES = 10


def as_values(facts: Facts) -> dict[str, Any]:
    """For JSON."""
    return {
        "scale": facts.scale,
        "faults": len(facts.faults),
        "faults by kind": faults_by_kind(facts),
        "counts": counts(facts),
        "durations": {
            figure.name: {"n": len(figure.seconds), "p50": figure.at(0.5), "p99": figure.at(0.99), "max": figure.at(1)}
            for figure in durations(facts)
        },
        "ended by themselves": [list(one) for one in facts.exits],
        "covered": covered(facts),
        "broken": check(facts),
        "not covered": not_covered(facts),
    }


def not_covered(facts: Facts) -> list[str]:
    """What this run can say nothing about."""
    return [*([] if facts.idempotency else ["Idempotency-Key: the API does not know it"]), *uncovered(facts)]


def as_text(facts: Facts) -> str:
    """For people."""
    lines = [f"{len(facts.faults)} faults, time scale {facts.scale:g}", ""]
    lines += [f"  {kind:<36}{count:>8}" for kind, count in faults_by_kind(facts).items()]
    lines += ["", *(f"  {name:<36}{count:>8}" for name, count in counts(facts).items())]
    lines += [
        "",
        *(f"  {name:<36}{count:>8}" for name, count in covered(facts).items() if not name.startswith("fault")),
    ]
    lines += ["", f"  {'seconds':<36}{'n':>8}{'p50':>9}{'p99':>9}{'max':>9}{'target':>9}  (p99, at scale 1)"]
    lines += [_line(figure) for figure in durations(facts)]
    lines += ["", *(f"  not covered: {what}" for what in not_covered(facts))]
    for name, broken in check(facts).items():
        lines.append(f"  {name:<36}{f'{len(broken)} BROKEN' if broken else 'holds':>16}")
        lines += [f"      {sentence}" for sentence in broken[:_LINES]]
    return "\n".join(lines)


def _line(figure: Figure) -> str:
    values = [figure.at(share) for share in (0.5, 0.99, 1)]
    told = "".join(f"{'-' if value is None else f'{value:.3f}':>9}" for value in values)
    return (
        f"  {figure.name:<36}{len(figure.seconds):>8}{told}{'' if figure.target is None else f'{figure.target:g}':>9}"
    )
