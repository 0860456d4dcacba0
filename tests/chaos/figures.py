"""Figures: what a run is measured by, drawn from its facts."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tests.chaos.facts import TERMINAL, Event, Facts, Fault

_MACHINE_GONE = ("worker killed", "machine lost")
_CHILD_GONE = ("child killed", "child segfault")
_STORE = "store"
_BACK_AFTER = "store killed"
_TOO_FEW_UP = 2
_MARGIN = 1.0
"""Seconds around an outage in which nothing is measured."""


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
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else None


def durations(facts: Facts) -> list[Figure]:
    """All that is measured in seconds."""
    events = _by_job(facts.events)
    quiet = _Quiet(facts)
    noticed, claimed = _after_a_machine(facts, events, quiet)
    waiting, running = _cancels(facts, events, quiet)
    return [
        Figure("dead worker to next attempt", tuple(claimed), 8.5),
        Figure("dead worker noticed", tuple(noticed)),
        Figure("dead child noticed", tuple(_after_a_child(facts, events, quiet)), 0.5),
        Figure("cancel of a waiting job", tuple(waiting), 0.1),
        Figure("cancel of a running job", tuple(running), 1.5),
        Figure("drain, over its timeout", tuple(_drains(facts, quiet)), 2.0),
        Figure("store back to first claim", tuple(_first_claims(facts)), 3.0),
    ]


def counts(facts: Facts) -> dict[str, int]:
    """All that is counted."""
    states = Counter(record["state"] for record in facts.records.values())
    tallies = {
        kind: sum(int(record.get(kind) or 0) for record in facts.records.values())
        for kind in ("crashes", "drains", "hindrances")
    }
    known = {one.job_id for one in facts.accepted}
    recorded = {job_id for job_id, record in facts.records.items() if not record["process"].startswith("_")}
    attempts = Counter(beats.job_id for beats in facts.beats)
    parts = sum(name.endswith(".part") for asked in facts.archives for name in asked.files)
    return {
        "jobs accepted": len(known),
        "jobs taken whose answer was lost": len(recorded - known),
        "folders without a record": sum(folder.job_id not in facts.records for folder in facts.folders),
        **{f"ended {state}": states[state] for state in sorted(states)},
        "jobs of several attempts": sum(count > 1 for count in attempts.values()),
        **{f"attempts that cost {kind}": count for kind, count in tallies.items()},
        "cancels answered": sum(cancel.status is not None for cancel in facts.cancels),
        "archives asked for": len(facts.archives),
        "half archives left by killed packers": parts,
        "idempotency keys": len({one.key for one in facts.accepted if one.key}),
        "ended by themselves": len(facts.exits),
        "events": len(facts.events),
    }


def faults_by_kind(facts: Facts) -> dict[str, int]:
    """How often each fault was injected."""
    return dict(sorted(Counter(fault.kind for fault in facts.faults).items()))


class _Quiet:
    """Where nothing but the fault that is measured disturbs."""

    def __init__(self, facts: Facts) -> None:
        self._outages = [fault for fault in facts.faults if fault.target == _STORE]
        self._targets: dict[str, list[Fault]] = defaultdict(list)
        for fault in facts.faults:
            self._targets[fault.target].append(fault)
        self._up = facts.workers_up

    def store(self, begin: float, end: float) -> bool:
        """No outage of the store."""
        return not any(fault.at - _MARGIN < end and fault.until + _MARGIN > begin for fault in self._outages)

    def farm(self, begin: float, end: float) -> bool:
        """And enough workers."""
        up = [count for at, count in self._up if begin - _MARGIN < at < end + _MARGIN]
        return self.store(begin, end) and min(up, default=0) >= _TOO_FEW_UP

    def target(self, name: str, begin: float, end: float, *, but: Fault | None = None) -> bool:
        """No other fault of this target."""
        others = (fault for fault in self._targets[name] if fault is not but)
        return not any(fault.at - _MARGIN < end and fault.until + _MARGIN > begin for fault in others)


def _after_a_machine(facts: Facts, events: dict[str, list[Event]], quiet: _Quiet) -> tuple[list[float], list[float]]:
    held = defaultdict(list)
    for hold in facts.holds:
        held[hold.pid].append(hold)
    noticed, claimed = [], []
    for fault in facts.faults:
        if fault.kind not in _MACHINE_GONE or fault.pid is None:
            continue
        for hold in held[fault.pid]:
            story = [event for event in events[hold.job_id] if event.at > fault.at]
            told = next((event for event in story if event.epoch == hold.epoch and event.state != "RUNNING"), None)
            # It was at work on it: the end of the attempt comes after the fault, and first of all.
            if told is None or _ended_before(events[hold.job_id], hold.epoch, fault.at):
                continue
            if quiet.farm(fault.at, told.at):
                noticed.append(told.at - fault.at)
            following = next((event for event in story if event.epoch == hold.epoch + 1), None)
            if following and quiet.farm(fault.at, following.at):
                claimed.append(following.at - fault.at)
    return noticed, claimed


def _ended_before(events: Iterable[Event], epoch: int, at: float) -> bool:
    return any(
        event.at <= at and (event.epoch > epoch or (event.epoch == epoch and event.state in {*TERMINAL, "RETRY"}))
        for event in events
    )


def _after_a_child(facts: Facts, events: dict[str, list[Event]], quiet: _Quiet) -> Iterable[float]:
    owners = {(hold.job_id, hold.epoch): hold.pid for hold in facts.holds}
    disturbed = defaultdict(list)
    for fault in facts.faults:
        if fault.pid is not None and fault.kind not in _CHILD_GONE:
            disturbed[fault.pid].append(fault.at)
    for fault in facts.faults:
        if fault.kind not in _CHILD_GONE:
            continue
        before = [event for event in events[fault.target] if event.at <= fault.at]
        told = next((event for event in events[fault.target] if event.at > fault.at and event.state != "RUNNING"), None)
        if told is None or not before or before[-1].state not in {"STARTED", "RUNNING"}:
            continue
        owner = owners.get((fault.target, before[-1].epoch))
        hit = any(at < told.at for at in disturbed.get(owner or 0, []))
        if not hit and quiet.farm(fault.at, told.at) and _links_work(facts, fault.at, told.at):
            yield told.at - fault.at


def _links_work(facts: Facts, begin: float, end: float) -> bool:
    """No network and no worker was spoiled: whose the child was is not always known."""
    return not any(
        fault.until > fault.at and fault.at - _MARGIN < end and fault.until + _MARGIN > begin for fault in facts.faults
    )


def _cancels(facts: Facts, events: dict[str, list[Event]], quiet: _Quiet) -> tuple[list[float], list[float]]:
    waiting, running = [], []
    for cancel in facts.cancels:
        if cancel.status is None:
            continue
        end = next((event for event in events[cancel.job_id] if event.state == "REVOKED"), None)
        until = max(cancel.answered, end.at if end else 0.0)
        if end is None or not quiet.store(cancel.asked, until) or not _links_work(facts, cancel.asked, until):
            continue
        if cancel.status == "REVOKED":
            waiting.append(cancel.answered - cancel.asked)
        elif not any(fault.at > cancel.asked and fault.at < until and fault.pid for fault in facts.faults):
            running.append(end.at - cancel.asked)
    return waiting, running


def _drains(facts: Facts, quiet: _Quiet) -> Iterable[float]:
    for drain in facts.drains:
        fault = next((one for one in facts.faults if one.target == drain.worker and one.at >= drain.asked - 0.1), None)
        if quiet.store(drain.asked, drain.gone) and quiet.target(drain.worker, drain.asked, drain.gone, but=fault):
            yield max(0.0, drain.gone - drain.asked - facts.drain_timeout)


def _first_claims(facts: Facts) -> Iterable[float]:
    for fault in facts.faults:
        if fault.kind != _BACK_AFTER:
            continue
        claim = next((event for event in facts.events if event.at >= fault.until and event.state == "STARTED"), None)
        if claim is not None:
            yield claim.at - fault.until


def _by_job(events: Iterable[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        found[event.job_id].append(event)
    return found
