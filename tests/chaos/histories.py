"""Histories: what several invariants read from the facts."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.chaos.beacons import Beats
from tests.chaos.facts import TERMINAL, Event, Facts

Broken = list[str]
"""Sentences."""

CHARGED = frozenset({"exit", "signal", "timeout", "out_of_memory", "worker_lost", "no_progress"})
MOST_CHARGED = 2
MOST_HINDRANCES = 5
OURS = "_"
"""Processes of the scheduler's own begin so."""


def jobs(facts: Facts) -> Iterable[tuple[str, Mapping[str, str]]]:
    """Users' jobs, without our own chores."""
    return [(job_id, record) for job_id, record in facts.records.items() if not record["process"].startswith(OURS)]


def events_by_job(events: Iterable[Event]) -> dict[str, list[Event]]:
    """In order."""
    found: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        found[event.job_id].append(event)
    return found


def runs(events: Sequence[Event]) -> list[list[str]]:
    """The states of one job, cut where it was run again by hand."""
    cut: list[list[str]] = [[]]
    for event in events:
        if event.state == "SENT" and cut[-1] and cut[-1][-1] in TERMINAL:
            cut.append([])
        cut[-1].append(event.state)
    return cut


def beats_by_job(beats: Iterable[Beats]) -> dict[str, list[Beats]]:
    """In the order in which they began."""
    found: dict[str, list[Beats]] = defaultdict(list)
    for one in sorted(beats, key=lambda one: one.first):
        found[one.job_id].append(one)
    return found


def charged(outcomes: Iterable[str]) -> int:
    """How many of these outcomes of attempts were charged."""
    return sum(outcome in CHARGED for outcome in outcomes)


def history(record: Mapping[str, str]) -> list[dict[str, Any]]:
    """The attempts of a record; of the last run, where it was run again by hand."""
    attempts: list[dict[str, Any]] = json.loads(record.get("attempts") or "[]")
    return attempts
