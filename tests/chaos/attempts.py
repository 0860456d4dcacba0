"""Attempts: the invariants of who runs what, when and for what charge. Each answers what is broken, in sentences."""

import itertools
from collections import Counter

from tests.chaos.facts import SPOT, TERMINAL, VANISHED, Facts, pid_of
from tests.chaos.families import Families, result_of, step_of
from tests.chaos.histories import CHARGED, MOST_CHARGED, Broken, beats_by_job, history, jobs
from tests.chaos.quiet import Quiet

_HEARD = 1.0
"""Seconds in which a worker has told the store that it leaves, on a busy machine."""

_GRAIN = 0.001
"""Seconds: a line is written a moment after its time was read."""


def attempts_never_overlap(facts: Facts) -> Broken:
    """No line of an attempt comes after the first line of the next."""
    broken = []
    for job_id, beats in beats_by_job(facts.beats).items():
        for before, after in itertools.pairwise(beats):
            late = before.last - after.first
            if late > _GRAIN:
                broken.append(f"{job_id}: {before.attempt} wrote {late:.3f} s after {after.attempt} began")
    return broken


def the_end_is_its_committers(facts: Facts) -> Broken:
    """The fence of the end is the last attempt's; its owner, or the sweeper; and the history has each attempt once."""
    broken = []
    families = Families(facts)
    held = {(hold.job_id, hold.epoch): hold.fence for hold in facts.holds}
    for job_id, record in jobs(facts):
        epoch = int(record["epoch"])
        fence, _, by = record.get("committed_by", "").partition("/")
        numbers = [attempt["number"] for attempt in history(record)]
        if record["state"] not in TERMINAL or not epoch:
            continue
        again = families.has(job_id, facts.run_again)
        if again and record["state"] != "SUCCESS" and not (numbers or fence):
            # In line again, it ended with others, or was cancelled, before a worker took it: no attempt ended it.
            continue
        if fence != held.get((job_id, epoch), fence):
            broken.append(f"{job_id}: attempt {epoch} was held by {held[job_id, epoch]}, {fence or 'nobody'} committed")
        if record["state"] == "SUCCESS" and by != "owner":
            broken.append(f"{job_id}: a success committed by {by or 'nobody'}")
        # Run again by hand, it has a new history, and its attempts are counted on.
        first = numbers[0] if numbers and again else 1
        if numbers != list(range(first, epoch + 1)):
            broken.append(f"{job_id}: {epoch} attempts, its history has {numbers}")
    return broken


def results_are_the_last_attempts(facts: Facts) -> Broken:
    """A result comes from the attempt that began last and came to its end."""
    broken = []
    beats = beats_by_job(facts.beats)
    # What those end with that wait for their sub-tasks is theirs: see links.py.
    waiting = {flow.job_id for flow in Families(facts).workflows() if flow.shape.waits}
    told = [one for one in facts.finals if one.holds and one.details["status"] == "SUCCESS"]
    results = {one.job_id: one.details["result"] for one in told}
    results |= {job_id: result_of(one) for job_id, one in jobs(facts) if step_of(one) and one["state"] == "SUCCESS"}
    for job_id, result in results.items():
        if job_id in waiting:
            continue
        last = beats.get(job_id, [None])[-1]
        attempt = (result or {}).get("attempt")
        if last is None or not last.ended or last.attempt != attempt:
            broken.append(f"{job_id}: its result is of {attempt}; the last attempt is {last}")
    return broken


def charges_are_just(facts: Facts) -> Broken:
    """At most two charged attempts; what was charged is in the history; drains cost nothing."""
    broken = []
    for job_id, record in jobs(facts):
        crashes = int(record.get("crashes") or 0)
        outcomes = Counter(attempt["outcome"] for attempt in history(record))
        charged = sum(count for outcome, count in outcomes.items() if outcome in CHARGED)
        # The one that ends a job is in the history only.
        if charged > MOST_CHARGED:
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
    for job_id, record in jobs(facts):
        lost = [attempt for attempt in history(record) if attempt["outcome"] == "worker_lost"]
        charged = [attempt["number"] for attempt in lost if pid_of(attempt["worker"]) in heard]
        if charged:
            broken.append(f"{job_id}: charged for attempts {charged}, whose worker had been told to leave")
    return broken


def licences_keep_their_cap(facts: Facts) -> Broken:
    """Never more attempts at a time than there are tokens."""
    steps = sorted((at, step) for beats in facts.beats for at, step in ((beats.first, 1), (beats.last, -1)))
    most = max(itertools.accumulate(step for _, step in steps), default=0)
    return [f"{most} attempts at a time, {facts.tokens} tokens"] if facts.tokens and most > facts.tokens else []
