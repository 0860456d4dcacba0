"""Figures: what a run is measured by, drawn from its facts."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.chaos.facts import Event, Facts, Fault, Hold
from tests.chaos.quiet import Quiet

_MACHINE_GONE = ("worker killed", "worker killed at a split", "machine lost", "head lost")
_CHILD_GONE = ("child killed", "child segfault")
_BACK_AFTER = "store killed"
_AT_WORK = frozenset({"STARTED", "RUNNING"})

Story = list[Event]
"""The events of one job."""


@dataclass(frozen=True)
class Figure:
    """Some durations.

    Attributes:
        name: of what.
        seconds: each, as measured.
        target: for the p99 at scale 1; None for no target.
    """

    name: str
    seconds: tuple[float, ...]
    target: float | None = None

    def at(self, share: float) -> float | None:
        """The value below which this share of them lies; None where there are none."""
        ordered = sorted(self.seconds)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def durations(facts: Facts) -> list[Figure]:
    """All that is measured in seconds."""
    stories: dict[str, Story] = defaultdict(list)
    for event in facts.events:
        stories[event.job_id].append(event)
    quiet = Quiet(facts)
    return [
        Figure("dead worker to next attempt", tuple(_next_attempts(facts, stories, quiet)), 8.5),
        Figure("dead worker noticed", tuple(_noticed(facts, stories, quiet))),
        Figure("dead child noticed", tuple(_children(facts, stories, quiet)), 0.5),
        Figure("cancel of a waiting job", tuple(_waiting_cancels(facts, stories, quiet)), 0.1),
        Figure("cancel of a running job", tuple(_running_cancels(facts, stories, quiet)), 1.5),
        Figure("drain, over its timeout", tuple(_drains(facts, quiet)), 2.0),
        Figure("store back to first claim", tuple(_first_claims(facts, quiet)), 3.0),
    ]


def counts(facts: Facts) -> dict[str, int]:
    """All that is counted."""
    records = facts.records
    states = Counter(record["state"] for record in records.values())
    known = {one.job_id for one in facts.accepted}
    ours = {job_id for job_id, record in records.items() if record["process"].startswith("_")}
    attempts = Counter(beats.job_id for beats in facts.beats)
    sub_tasks = {job_id for job_id, record in records.items() if record.get("parent")}
    return {
        "jobs accepted": len(known),
        "jobs taken whose answer was lost": len(records.keys() - known - ours - sub_tasks),
        "sub-tasks": len(sub_tasks),
        "folders without a record": sum(folder.job_id not in records for folder in facts.folders),
        **{f"ended {state}": states[state] for state in sorted(states)},
        "attempts": sum(attempts.values()),
        "jobs of several attempts": sum(count > 1 for count in attempts.values()),
        **{
            f"attempts that cost {kind}": sum(int(record.get(kind) or 0) for record in records.values())
            for kind in ("crashes", "drains", "hindrances")
        },
        "cancels answered": sum(cancel.status is not None for cancel in facts.cancels),
        "archives asked for": len(facts.archives),
        "half archives left by killed packers": sum(
            name.endswith(".part") for asked in facts.archives for name in asked.files
        ),
        "idempotency keys": len({one.key for one in facts.accepted if one.key}),
        "workers killed, in whatever way": sum(fault.kind in _MACHINE_GONE for fault in facts.faults),
        "ended by themselves": len(facts.exits),
        "events": len(facts.events),
    }


def faults_by_kind(facts: Facts) -> dict[str, int]:
    """How often each fault was injected."""
    return dict(sorted(Counter(fault.kind for fault in facts.faults).items()))


def _orphaned(facts: Facts, stories: dict[str, Story]) -> Iterator[tuple[Fault, Hold, Story]]:
    """Each attempt whose worker was killed under it, and what came after."""
    held = defaultdict(list)
    for hold in facts.holds:
        held[hold.pid].append(hold)
    for fault in facts.faults:
        for hold in held[fault.pid or 0] if fault.kind in _MACHINE_GONE else ():
            before, after = _split(stories[hold.job_id], fault.at)
            if before and before[-1].epoch == hold.epoch and before[-1].state in _AT_WORK and after:
                yield fault, hold, after


def _noticed(facts: Facts, stories: dict[str, Story], quiet: Quiet) -> Iterator[float]:
    for fault, _, after in _orphaned(facts, stories):
        if quiet.farm(fault.at, after[0].at):
            yield after[0].at - fault.at


def _next_attempts(facts: Facts, stories: dict[str, Story], quiet: Quiet) -> Iterator[float]:
    for fault, hold, after in _orphaned(facts, stories):
        claim = next((event for event in after if event.epoch == hold.epoch + 1), None)
        if claim is not None and quiet.farm(fault.at, claim.at):
            yield claim.at - fault.at


def _children(facts: Facts, stories: dict[str, Story], quiet: Quiet) -> Iterator[float]:
    owners = _owners(facts)
    for fault in facts.faults:
        if fault.kind not in _CHILD_GONE:
            continue
        before, after = _split(stories[fault.target], fault.at)
        told = next((event for event in after if event.state not in _AT_WORK), None)
        if told is None or not before or before[-1].state not in _AT_WORK:
            continue
        owner = owners.get((fault.target, before[-1].epoch))
        if quiet.store(fault.at, told.at) and quiet.member(owner, fault.at, told.at):
            yield told.at - fault.at


def _waiting_cancels(facts: Facts, stories: dict[str, Story], quiet: Quiet) -> Iterator[float]:
    for cancel in facts.cancels:
        before, _ = _split(stories[cancel.job_id], cancel.asked)
        waited = not before or before[-1].state in {"SENT", "RETRY"}
        spoiled = not quiet.store(cancel.asked, cancel.answered) or not quiet.target(
            cancel.api, cancel.asked, cancel.answered
        )
        if cancel.status == "REVOKED" and waited and not spoiled:
            yield cancel.answered - cancel.asked


def _running_cancels(facts: Facts, stories: dict[str, Story], quiet: Quiet) -> Iterator[float]:
    owners = _owners(facts)
    for cancel in facts.cancels:
        before, after = _split(stories[cancel.job_id], cancel.asked)
        end = next((event for event in after if event.state == "REVOKED"), None)
        if cancel.status is None or end is None or not before or before[-1].state not in _AT_WORK:
            continue
        owner = owners.get((cancel.job_id, before[-1].epoch))
        until = max(end.at, cancel.answered)
        if (
            quiet.store(cancel.asked, until)
            and quiet.target(cancel.api, cancel.asked, until)
            and quiet.member(owner, cancel.asked, until)
        ):
            yield end.at - cancel.asked


def _drains(facts: Facts, quiet: Quiet) -> Iterator[float]:
    for drain in facts.drains:
        told = next((one for one in facts.faults if one.target == drain.worker and one.at >= drain.asked - 0.1), None)
        if quiet.store(drain.asked, drain.gone) and quiet.target(drain.worker, drain.asked, drain.gone, but=told):
            yield max(0.0, drain.gone - drain.asked - facts.drain_timeout)


def _first_claims(facts: Facts, quiet: Quiet) -> Iterator[float]:
    for fault in facts.faults:
        if fault.kind == _BACK_AFTER:
            claim = next(
                (event for event in facts.events if event.at >= fault.until and event.state == "STARTED"), None
            )
            if (
                claim is not None
                and quiet.target("share", fault.until, claim.at)
                and quiet.target("store", fault.until, claim.at, but=fault)
            ):
                yield claim.at - fault.until


def _split(story: Iterable[Event], at: float) -> tuple[Story, Story]:
    events = list(story)
    return [event for event in events if event.at <= at], [event for event in events if event.at > at]


def _owners(facts: Facts) -> dict[tuple[str, int], int]:
    return {(hold.job_id, hold.epoch): hold.pid for hold in facts.holds}
