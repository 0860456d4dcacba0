"""The invariants: pure functions over the facts of a run; each answers what is broken, in sentences."""

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.chaos.beacons import Beats
from tests.chaos.facts import SPOT, TERMINAL, VANISHED, Event, Facts, pid_of
from tests.chaos.plans import COSTLY
from tests.chaos.quiet import Quiet

Broken = list[str]

_CHARGED = frozenset({"exit", "signal", "timeout", "out_of_memory", "worker_lost", "no_progress"})
_MOST_CHARGED = 2
_MOST_HINDRANCES = 5
_OURS = "_"
"""Processes of the scheduler's own begin so."""

_HEARD = 1.0
"""Seconds in which a worker has told the store that it leaves, on a busy machine."""

_GRAIN = 0.001
"""Seconds: a line is written a moment after its time was read."""


def every_accepted_job_ends(facts: Facts) -> Broken:
    """A 2xx is a promise."""
    broken = []
    for job_id in sorted({one.job_id for one in facts.accepted}):
        record = facts.records.get(job_id)
        if record is None:
            broken.append(f"{job_id} was accepted and has no record")
        elif record["state"] not in TERMINAL:
            broken.append(f"{job_id} was accepted and is {record['state']}")
    return broken


def every_record_ends(facts: Facts) -> Broken:
    """Also those whose answer was lost, and our own chores."""
    return [
        f"{job_id} is {record['state']}" for job_id, record in facts.records.items() if record["state"] not in TERMINAL
    ]


def one_end_each(facts: Facts) -> Broken:
    """In the stream: one terminal event a job, and nothing after it."""
    broken = [f"the stream was cut {facts.gaps} times before it was read"] if facts.gaps else []
    for job_id, events in _by_job(facts.events).items():
        states = [event.state for event in events]
        ends = [state for state in states if state in TERMINAL]
        # A packed archive is forgotten and packed again under its old name.
        if facts.records.get(job_id, {}).get("process", _OURS).startswith(_OURS):
            continue
        if len(ends) > 1:
            broken.append(f"{job_id} ended {len(ends)} times: {' '.join(states)}")
        elif ends and states[-1] != ends[0]:
            broken.append(f"{job_id} went on after its end: {' '.join(states)}")
    return broken


def ends_never_change(facts: Facts) -> Broken:
    """What clients were told of an end is told for ever, and is what the record says."""
    broken = []
    for final in facts.finals:
        for other in final.others:
            changed = sorted(key for key in {*final.details, *other} if final.details.get(key) != other.get(key))
            broken.append(f"{final.job_id} changed after its end: {', '.join(changed)}")
        state = facts.records.get(final.job_id, {}).get("state")
        if state != final.details["status"]:
            broken.append(f"{final.job_id} was told {final.details['status']} and is {state}")
    return broken


def attempts_never_overlap(facts: Facts) -> Broken:
    """No line of an attempt comes after the first line of the next."""
    broken = []
    for job_id, beats in _beats_by_job(facts.beats).items():
        for before, after in itertools.pairwise(beats):
            late = before.last - after.first
            if late > _GRAIN:
                broken.append(f"{job_id}: {before.attempt} wrote {late:.3f} s after {after.attempt} began")
    return broken


def the_end_is_its_committers(facts: Facts) -> Broken:
    """The fence of the end is the last attempt's; its owner, or the sweeper; and the history has each attempt once."""
    broken = []
    held = {(hold.job_id, hold.epoch): hold.fence for hold in facts.holds}
    for job_id, record in _jobs(facts):
        epoch = int(record["epoch"])
        fence, _, by = record.get("committed_by", "").partition("/")
        numbers = [attempt["number"] for attempt in _history(record)]
        if record["state"] not in TERMINAL or not epoch:
            continue
        if fence != held.get((job_id, epoch), fence):
            broken.append(f"{job_id}: attempt {epoch} was held by {held[job_id, epoch]}, {fence or 'nobody'} committed")
        if record["state"] == "SUCCESS" and by != "owner":
            broken.append(f"{job_id}: a success committed by {by or 'nobody'}")
        if numbers != list(range(1, epoch + 1)):
            broken.append(f"{job_id}: {epoch} attempts, its history has {numbers}")
    return broken


def results_are_the_last_attempts(facts: Facts) -> Broken:
    """A result comes from the attempt that began last and came to its end."""
    broken = []
    beats = _beats_by_job(facts.beats)
    for final in facts.finals:
        if final.details["status"] != "SUCCESS":
            continue
        last = beats.get(final.job_id, [None])[-1]
        told = (final.details["result"] or {}).get("attempt")
        if last is None or not last.ended or last.attempt != told:
            broken.append(f"{final.job_id}: its result is of {told}; the last attempt is {last}")
    return broken


def charges_are_just(facts: Facts) -> Broken:
    """At most two charged attempts; what was charged is in the history; drains cost nothing."""
    broken = []
    for job_id, record in _jobs(facts):
        crashes = int(record.get("crashes") or 0)
        outcomes = Counter(attempt["outcome"] for attempt in _history(record))
        charged = sum(count for outcome, count in outcomes.items() if outcome in _CHARGED)
        # The one that ends a job is in the history only.
        if charged > _MOST_CHARGED:
            broken.append(f"{job_id}: {charged} charged attempts: {dict(outcomes)}")
        if crashes not in (charged, charged - 1):
            broken.append(f"{job_id}: charged with {crashes} crashes, its history has {charged}")
    return broken


def spot_machines_cost_nothing(facts: Facts) -> Broken:
    """A worker that had time to say that it leaves costs its job no attempt, even if it vanishes before it has left."""
    broken = []
    quiet = Quiet(facts)
    told = {fault.pid: fault.at for fault in facts.faults if fault.kind == SPOT}
    gone = {fault.pid: fault.at for fault in facts.faults if fault.kind == VANISHED}
    heard = {pid for pid, at in gone.items() if at > told[pid] + _HEARD and quiet.store(told[pid], at)}
    for job_id, record in _jobs(facts):
        lost = [attempt for attempt in _history(record) if attempt["outcome"] == "worker_lost"]
        charged = [attempt["number"] for attempt in lost if pid_of(attempt["worker"]) in heard]
        if charged:
            broken.append(f"{job_id}: charged for attempts {charged}, whose worker had been told to leave")
    return broken


def licences_keep_their_cap(facts: Facts) -> Broken:
    """Never more attempts at a time than there are tokens."""
    steps = sorted((at, step) for beats in facts.beats for at, step in ((beats.first, 1), (beats.last, -1)))
    most = max(itertools.accumulate(step for _, step in steps), default=0)
    return [f"{most} attempts at a time, {facts.tokens} tokens"] if facts.tokens and most > facts.tokens else []


def jobs_end_as_planned(facts: Facts) -> Broken:
    """Another end than the script's own needs a cancel, or its two attempts used up."""
    broken = []
    plans = {one.job_id: one.plan for one in facts.accepted}
    cancelled = {cancel.job_id for cancel in facts.cancels}
    for job_id, record in _jobs(facts):
        if job_id not in plans or record["state"] not in TERMINAL:
            continue
        planned = plans[job_id].end
        outcomes = [attempt["outcome"] for attempt in _history(record)]
        used_up = sum(outcome in _CHARGED for outcome in outcomes) >= _MOST_CHARGED
        hindered = outcomes.count("infrastructure") > _MOST_HINDRANCES
        end = record["state"], record.get("cause") or None
        as_planned = end == planned and (used_up or planned not in COSTLY)
        unlucky = record["state"] == "FAILURE" and (used_up or hindered)
        if not (as_planned or unlucky or (record["state"] == "REVOKED" and job_id in cancelled)):
            broken.append(
                f"{job_id}: planned {plans[job_id].kind}, ended {end} after {outcomes}: {record.get('error')}"
            )
    return broken


def cancelled_stays_cancelled(facts: Facts) -> Broken:
    """Whoever was told that a job is, or will be, cancelled was told the truth."""
    broken = []
    for cancel in facts.cancels:
        state = facts.records.get(cancel.job_id, {}).get("state")
        if cancel.status is not None and state != "REVOKED":
            broken.append(f"{cancel.job_id}: the cancel was answered {cancel.status}, it ended {state}")
    for final in facts.finals:
        state = facts.records.get(final.job_id, {}).get("state")
        if final.details["status"] == "REVOKED" and state != "REVOKED":
            broken.append(f"{final.job_id} was told REVOKED and ended {state}")
    return broken


def no_half_jobs(facts: Facts) -> Broken:
    """A record has its folder, and that its whole input."""
    broken = []
    folders = {folder.job_id: folder.inputs for folder in facts.folders}
    plans = {one.job_id: one.plan for one in facts.accepted}
    for job_id, record in _jobs(facts):
        inputs = folders.get(job_id)
        if inputs is None:
            broken.append(f"{job_id} has a record and no folder")
            continue
        missing = [kind for kind in ("script", "input_file") if record.get(kind) and not inputs.get(record[kind])]
        broken += [f"{job_id} has no {kind}: {dict(inputs)}" for kind in missing]
        size = plans[job_id].size if job_id in plans else 0
        if size and inputs.get(record.get("input_file", "")) != size:
            broken.append(f"{job_id}: an input of {size} bytes arrived as {dict(inputs)}")
    return broken


def one_archive_each(facts: Facts) -> Broken:
    """However many ask, and whoever dies meanwhile."""
    broken = []
    for asked in facts.archives:
        zips = [name for name in asked.files if name.endswith(".zip")]
        if len(asked.digests) > 1:
            broken.append(f"{asked.job_id}: {asked.askers} askers got {len(asked.digests)} different archives")
        if asked.askers and zips != [f"{asked.job_id}.zip"]:
            broken.append(f"{asked.job_id}: {asked.askers} askers, and in the folder {asked.files}")
    return broken


def one_job_a_key(facts: Facts) -> Broken:
    """An Idempotency-Key names one job, however often it is sent."""
    ids = defaultdict(set)
    for one in facts.accepted:
        if one.key is not None:
            ids[one.key].add(one.job_id)
    return [f"key {key} made the jobs {sorted(jobs)}" for key, jobs in ids.items() if len(jobs) > 1]


def nothing_outside_was_touched(facts: Facts) -> Broken:
    """Canaries sing, and the share holds jobs only."""
    return [
        *(f"{name} is not as it was" for name in facts.harmed),
        *(f"{name} is in the share" for name in facts.strangers),
    ]


def no_process_is_left(facts: Facts) -> Broken:
    """Fifteen seconds after the end."""
    return [f"left: {orphan}" for orphan in facts.orphans]


INVARIANTS: Mapping[str, Callable[[Facts], Broken]] = {
    "every accepted job ends": every_accepted_job_ends,
    "every record ends": every_record_ends,
    "one end each": one_end_each,
    "ends never change": ends_never_change,
    "attempts never overlap": attempts_never_overlap,
    "the end is its committer's": the_end_is_its_committers,
    "results are the last attempt's": results_are_the_last_attempts,
    "charges are just": charges_are_just,
    "spot machines cost nothing": spot_machines_cost_nothing,
    "licences keep their cap": licences_keep_their_cap,
    "jobs end as planned": jobs_end_as_planned,
    "cancelled stays cancelled": cancelled_stays_cancelled,
    "no half jobs": no_half_jobs,
    "one archive each": one_archive_each,
    "one job a key": one_job_a_key,
    "nothing outside was touched": nothing_outside_was_touched,
    "no process is left": no_process_is_left,
}


def check(facts: Facts) -> dict[str, Broken]:
    """What is broken, by invariant; an empty list where all is well."""
    return {name: invariant(facts) for name, invariant in INVARIANTS.items()}


def _jobs(facts: Facts) -> Iterable[tuple[str, Mapping[str, str]]]:
    """Users' jobs, without our own chores."""
    return [(job_id, record) for job_id, record in facts.records.items() if not record["process"].startswith(_OURS)]


def _by_job(events: Iterable[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        found[event.job_id].append(event)
    return found


def _beats_by_job(beats: Iterable[Beats]) -> dict[str, list[Beats]]:
    found: dict[str, list[Beats]] = defaultdict(list)
    for one in sorted(beats, key=lambda one: one.first):
        found[one.job_id].append(one)
    return found


def _history(record: Mapping[str, str]) -> list[dict[str, Any]]:
    history: list[dict[str, Any]] = json.loads(record.get("attempts") or "[]")
    return history
