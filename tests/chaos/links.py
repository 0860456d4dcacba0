"""Links: the invariants of workflows. Each answers what is broken, in sentences."""

import json
from collections.abc import Iterator

from tests.chaos.beacons import Beats
from tests.chaos.facts import TERMINAL, Facts
from tests.chaos.families import Families, Workflow, after, filled, resolved, result_of, step_of
from tests.chaos.histories import MOST_HINDRANCES, Broken, beats_by_job, charged, history

_GRAIN = 0.001
_UPSTREAM_FAILED, _CHILD_FAILED = "upstream_failed", "child_failed"


def workflows_link_once(facts: Facts) -> Broken:
    """Each sub-task is there once and ends once, begins with just what those before it ended with, and after them."""
    broken: Broken = []
    beats = beats_by_job(facts.beats)
    for workflow in Families(facts).workflows():
        strange = workflow.children.keys() - workflow.shape.needs.keys()
        broken += [f"{workflow.job_id} has a sub-task {name!r} that nobody planned" for name in sorted(strange)]
        twice = {name: len(ids) for name, ids in workflow.children.items() if len(ids) > 1}
        broken += [f"{workflow.job_id} has {count} sub-tasks {name}" for name, count in twice.items()]
        if not broken:
            broken += _whole(facts, workflow)
        for job_id in workflow.ids:
            broken += _linked(facts, workflow, job_id, beats)
    return broken


def _whole(facts: Facts, workflow: Workflow) -> Iterator[str]:
    """One that ended well has all that was planned, and ended with it."""
    record, shape = workflow.record, workflow.shape
    if record["state"] != "SUCCESS":
        return
    ids = {name: ids[0] for name, ids in workflow.children.items()}
    if missing := shape.needs.keys() - ids.keys():
        yield f"{workflow.job_id} ended well without {sorted(missing)}"
    elif not shape.waits:
        if not all(job_id in json.dumps(result_of(record)) for job_id in ids.values()):
            yield f"{workflow.job_id} does not tell its sub-tasks: {record.get('result')}"
    else:
        unwell = [name for name, job_id in ids.items() if facts.records[job_id]["state"] != "SUCCESS"]
        if unwell:
            yield f"{workflow.job_id} ended well, its {unwell} did not"
        elif result_of(record) != filled(shape.end, lambda name: result_of(facts.records[ids[name]])):
            yield f"{workflow.job_id} ended with another result than its {shape.end}: {record.get('result')}"


def _linked(facts: Facts, workflow: Workflow, job_id: str, beats: dict[str, list[Beats]]) -> Iterator[str]:
    record, before = facts.records[job_id], after(facts.records[job_id])
    name, mine = step_of(record).get("name", "?"), beats.get(job_id, [])
    if len(mine) > int(record["epoch"]):
        yield f"{job_id} ({name}) began {len(mine)} times, its record knows of {record['epoch']}"
    for other in before:
        late = [one for one in beats.get(other, []) if mine and one.last > mine[0].first + _GRAIN]
        if late:
            yield f"{job_id} ({name}) began before {other} had ended"
        if mine and not any(one.ended for one in beats.get(other, [])):
            yield f"{job_id} ({name}) began, though {other} never came to its end"
    if record["state"] != "SUCCESS":
        return
    names = {ids[0]: name for name, ids in workflow.children.items()}
    needs = json.loads(record["needs"]) if record.get("needs") else None
    wanted = workflow.shape.needs.get(name)
    if needs is not None and resolved(needs, names.get) != wanted:
        yield f"{job_id} ({name}) begins with {resolved(needs, names.get)}, planned was {wanted}"
    elif (needs is None) != (wanted is None):
        yield f"{job_id} ({name}) begins with {needs}, planned was {wanted}"
    elif needs is not None and not step_of(record).get("shape"):
        ended = resolved(needs, lambda other: result_of(facts.records.get(other, {})))
        if result_of(record)["got"] != ended:
            yield f"{job_id} ({name}) was called with {result_of(record)['got']}, those before it ended with {ended}"


def sub_tasks_end_as_planned(facts: Facts) -> Broken:
    """Another end than the script's own needs a cancel, two attempts used up, or one before or below that so ended."""
    broken = []
    families = Families(facts)
    cancelled = frozenset(cancel.job_id for cancel in facts.cancels)
    for workflow in families.workflows():
        for job_id in workflow.ids:
            record = facts.records[job_id]
            if record["state"] not in TERMINAL:
                continue
            outcomes = [attempt["outcome"] for attempt in history(record)]
            match record["state"], record.get("cause"):
                case "SUCCESS", _:
                    # It crashed once, as it should; where that was before it was run again by hand, it is not told.
                    crashes = workflow.shape.crashes == step_of(record).get("name")
                    again = families.has(job_id, facts.run_again)
                    is_well = not crashes or again or charged(outcomes) > 0
                case "REVOKED", "cancelled":
                    is_well = families.has(job_id, cancelled | facts.removed)
                case "FAILURE", "upstream_failed":
                    is_well = int(record["epoch"]) == 0 or families.has(job_id, facts.run_again)
                    is_well &= any(_is_unwell(facts, other) for other in after(record))
                case "FAILURE", "child_failed":
                    is_well = failed_below(facts, job_id)
                case "FAILURE", _:
                    is_well = is_used_up(outcomes)
                case _:
                    is_well = False
            if not is_well:
                end = record["state"], record.get("cause"), record.get("error")
                broken.append(f"{job_id} ({step_of(record).get('name')}) ended {end} after {outcomes}")
    return broken


def is_used_up(outcomes: list[str]) -> bool:
    """Whether no further attempt was due."""
    return charged(outcomes) > 1 or outcomes.count("infrastructure") > MOST_HINDRANCES


def failed_below(facts: Facts, job_id: str) -> bool:
    """Whether one of those that a job has started did not end well."""
    children = [one for one in facts.records.values() if one.get("parent") == job_id]
    return any(one["state"] != "SUCCESS" for one in children)


def _is_unwell(facts: Facts, job_id: str) -> bool:
    return facts.records.get(job_id, {}).get("state") != "SUCCESS"


def nobody_waits_for_ever(facts: Facts) -> Broken:
    """When all has ended, nobody is kept where one waits for another, and nobody of a family that is gone."""
    broken = []
    for key, ids in facts.waits.items():
        _, kind, *of = key.split(":")
        whose = of[0] if of else None
        if kind == "children" and whose in facts.records:
            continue
        if kind == "next" and facts.records.get(whose or "", {}).get("state", "SUCCESS") not in TERMINAL:
            continue
        # Those that have not ended are told elsewhere.
        left = [job_id for job_id in ids if facts.records.get(job_id, {}).get("state", "SUCCESS") in TERMINAL]
        broken += [f"{key} holds {sorted(left)}"] if left else []
    return broken


def a_cancel_reaches_the_family(facts: Facts) -> Broken:
    """Of all that began with a job, nothing begins once its cancel is answered."""
    families, broken = Families(facts), []
    answered: dict[str, float] = {}
    for cancel in facts.cancels:
        if cancel.status is not None and cancel.job_id not in facts.run_again:
            answered.setdefault(cancel.job_id, cancel.answered)
    for event in facts.events:
        if event.state == "STARTED":
            late = [above for above in families.above(event.job_id) if answered.get(above, event.at) < event.at]
            broken += [f"{event.job_id} began after {above}, above it, was cancelled" for above in late]
    return broken


def the_family_goes_with_it(facts: Facts) -> Broken:
    """Of a job that was removed, all that began with it is gone, too."""
    removed = frozenset(one.job_id for one in facts.deletions if one.gone is not None)
    families, folders = Families(facts), {folder.job_id for folder in facts.folders}
    broken = []
    for job_id in sorted(families.below(removed)):
        broken += [f"{job_id} has a record; the job that began it was removed"] if job_id in facts.records else []
        broken += [f"{job_id} has a folder; the job that began it was removed"] if job_id in folders else []
    return broken


def unfinished_workflows_go_on(facts: Facts) -> Broken:
    """After a total loss of the store: each ends as planned, and what had ended, with a folder, is not run again."""
    broken = []
    for one in facts.resumed or ():
        if one.state != "SUCCESS":
            broken.append(f"{one.job_id} is {one.state} after the loss of the store")
        again = [name for name, attempts in one.ended.items() if one.attempts.get(name) != attempts]
        broken += [f"{one.job_id}: {name} had ended, and ran again after the loss of the store" for name in again]
    return broken
