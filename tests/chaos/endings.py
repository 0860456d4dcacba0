"""Endings: the invariants of how jobs end, and stay. Each answers what is broken, in sentences."""

from collections import Counter
from http import HTTPStatus

from tests.chaos.facts import TERMINAL, Facts
from tests.chaos.families import Families
from tests.chaos.histories import MOST_CHARGED, OURS, Broken, beats_by_job, charged, events_by_job, history, jobs, runs
from tests.chaos.links import failed_below, is_used_up
from tests.chaos.plans import COSTLY

_OF_AN_END = ("state", "epoch", "stopped", "result", "attempts")


def every_accepted_job_ends(facts: Facts) -> Broken:
    """A 2xx is a promise, but to those who asked for the job's removal."""
    broken = []
    for job_id in sorted({one.job_id for one in facts.accepted} - facts.removed):
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
    """In the stream: one terminal event a job, and nothing after it but what was asked for by hand."""
    broken = [f"the stream was cut {facts.gaps} times before it was read"] if facts.gaps else []
    accepted = {one.job_id for one in facts.accepted}
    asked = Counter(again.job_id for again in facts.agains)
    granted = Counter(again.job_id for again in facts.agains if again.code == HTTPStatus.OK)
    families = Families(facts)
    for job_id, events in events_by_job(facts.events).items():
        above = list(families.above(job_id))
        # A packed archive is forgotten and packed again under its old name.
        if job_id not in accepted and not above and facts.records.get(job_id, {}).get("process", OURS).startswith(OURS):
            continue
        cut = runs(events)
        # With the one that started it a sub-task is run again, if it had failed.
        most = sum(asked[each] for each in (job_id, *above))
        if not granted[job_id] <= len(cut) - 1 <= most:
            told = f"{most} repetitions were asked for, {granted[job_id]} granted"
            broken.append(f"{job_id} ran {len(cut)} times, {told}")
        for states in cut:
            ends = [state for state in states if state in TERMINAL]
            if len(ends) > 1:
                broken.append(f"{job_id} ended {len(ends)} times: {' '.join(states)}")
            elif ends and states[-1] != ends[0]:
                broken.append(f"{job_id} went on after its end: {' '.join(states)}")
    return broken


def ends_never_change(facts: Facts) -> Broken:
    """What clients were told of an end is told for ever, unless they run it again, and is what the record says."""
    broken = []
    for final in facts.finals:
        for other in final.others:
            changed = sorted(key for key in {*final.details, *other} if final.details.get(key) != other.get(key))
            broken.append(f"{final.job_id} changed after its end: {', '.join(changed)}")
        state = facts.records.get(final.job_id, {}).get("state")
        if final.holds and state != final.details["status"]:
            broken.append(f"{final.job_id} was told {final.details['status']} and is {state}")
    return broken


def jobs_end_as_planned(facts: Facts) -> Broken:
    """Another end than the script's own needs a cancel, or its two attempts used up."""
    broken = []
    plans = {one.job_id: one.plan for one in facts.accepted}
    cancelled = {cancel.job_id for cancel in facts.cancels}
    for job_id, record in jobs(facts):
        if job_id not in plans or record["state"] not in TERMINAL:
            continue
        planned = plans[job_id].end
        outcomes = [attempt["outcome"] for attempt in history(record)]
        end = record["state"], record.get("cause") or None
        as_planned = end == planned and (charged(outcomes) >= MOST_CHARGED or planned not in COSTLY)
        unlucky = record["state"] == "FAILURE" and is_used_up(outcomes)
        if end == ("FAILURE", "child_failed"):
            unlucky = failed_below(facts, job_id)
        if not (as_planned or unlucky or (record["state"] == "REVOKED" and job_id in cancelled)):
            broken.append(
                f"{job_id}: planned {plans[job_id].kind}, ended {end} after {outcomes}: {record.get('error')}"
            )
    return broken


def cancelled_stays_cancelled(facts: Facts) -> Broken:
    """Whoever was told that a job is, or will be, cancelled was told the truth."""
    broken = []
    revoked = {event.job_id for event in facts.events if event.state == "REVOKED"}
    for cancel in facts.cancels:
        state = facts.records.get(cancel.job_id, {}).get("state")
        if cancel.job_id in facts.removed | facts.run_again and cancel.job_id in revoked:
            continue
        if cancel.status is not None and state != "REVOKED":
            broken.append(f"{cancel.job_id}: the cancel was answered {cancel.status}, it ended {state}")
    for final in facts.finals:
        state = facts.records.get(final.job_id, {}).get("state")
        if final.holds and final.details["status"] == "REVOKED" and state != "REVOKED":
            broken.append(f"{final.job_id} was told REVOKED and ended {state}")
    return broken


def deleted_stays_deleted(facts: Facts) -> Broken:
    """No record, no folder, no process, and 404 for ever."""
    broken = []
    folders = {folder.job_id for folder in facts.folders}
    beats = beats_by_job(facts.beats)
    for one in facts.deletions:
        if not one.code:
            continue
        if one.gone is None:
            broken.append(f"{one.job_id}: its removal was answered {one.code}, and it is there")
        elif late := [beat for beat in beats.get(one.job_id, []) if beat.last > one.gone]:
            broken.append(f"{one.job_id}: {late[-1].attempt} wrote {late[-1].last - one.gone:.3f} s after it was gone")
        # None came: the API was disturbed.
        if one.later not in (0, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE):
            broken.append(f"{one.job_id} was removed, and is answered {one.later} for")
        broken += [f"{one.job_id} was removed, and has a record"] if one.job_id in facts.records else []
        broken += [f"{one.job_id} was removed, and has a folder"] if one.job_id in folders else []
    return broken


def ends_are_on_the_share(facts: Facts) -> Broken:
    """Each folder tells how its job ended, as the record does."""
    broken = []
    for folder in facts.folders:
        record = facts.records.get(folder.job_id)
        if record is None or record["state"] not in TERMINAL:
            continue
        told = facts.mirrored.get(folder.job_id)
        if told is None:
            broken.append(f"{folder.job_id} ended {record['state']}, and its folder does not tell")
        elif wrong := [name for name in _OF_AN_END if told.get(name) != record.get(name)]:
            broken.append(f"{folder.job_id}: its folder tells another {', '.join(wrong)} than its record")
    return broken


def the_share_brings_all_back(facts: Facts) -> Broken:
    """After a total loss of the store, a reconcile; but for sub-tasks that only computed, and had no folder.

    One more may be there of which there was a folder already, but no record yet when its worker was lost.
    """
    broken = []
    folders = {folder.job_id for folder in facts.folders}
    for one in facts.rebuilt or ():
        if one.after is None:
            broken.append(f"{one.job_id} did not come back")
            continue
        before = {**one.before, "children": sorted(folders & {*one.before.get("children", ())})}
        known = {*one.after.get("children", ())} - (folders - facts.records.keys())
        after = {**one.after, "children": sorted(known)}
        if after != before:
            changed = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
            broken.append(f"{one.job_id} came back with another {', '.join(changed)}")
    return broken
