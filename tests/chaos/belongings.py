"""Belongings: the invariants of files, keys, answers and processes. Each answers what is broken, in sentences."""

from collections import defaultdict

from tests.chaos.facts import SHARE_GONE, Facts
from tests.chaos.histories import Broken, jobs

_TAKES_EFFECT = 2.0
"""Seconds until nobody begins any more what was claimed before."""


def no_half_jobs(facts: Facts) -> Broken:
    """A record has its folder, and that its whole input."""
    broken = []
    folders = {folder.job_id: folder.inputs for folder in facts.folders}
    plans = {one.job_id: one.plan for one in facts.accepted}
    for job_id, record in jobs(facts):
        # A sub-task reads those of the job with which all began; one that only computes has nothing of its own.
        owner = record.get("inputs_of") or job_id
        inputs = folders.get(owner)
        if inputs is None or (job_id not in folders and not record.get("outputs_of")):
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


def a_key_of_another_body_is_refused(facts: Facts) -> Broken:
    """Or not answered for the moment."""
    return [f"key {key} with another body was answered {code}" for key, code in facts.misuses if 200 <= code < 300]


def nothing_begins_without_the_share(facts: Facts) -> Broken:
    """While the share is not the store's own, no job is taken, and no attempt begins."""
    broken = []
    for fault in facts.faults:
        if fault.kind != SHARE_GONE:
            continue
        broken += [
            f"{one.job_id} was taken while the share was gone"
            for one in facts.accepted
            if one.asked > fault.at and one.at < fault.until and not one.replayed
        ]
        begin, end = (at + facts.monotonic for at in (fault.at + _TAKES_EFFECT, fault.until))
        broken += [
            f"{beats.job_id}: {beats.attempt} began while the share was gone"
            for beats in facts.beats
            if begin < beats.first < end
        ]
    return broken


def nothing_outside_was_touched(facts: Facts) -> Broken:
    """Canaries sing, and the share holds jobs only."""
    return [
        *(f"{name} is not as it was" for name in facts.harmed),
        *(f"{name} is in the share" for name in facts.strangers),
    ]


def no_process_is_left(facts: Facts) -> Broken:
    """Fifteen seconds after the end of the run, or of a worker."""
    return [
        *(f"left: {orphan}" for orphan in facts.orphans),
        *(f"left by a killed worker: {orphan}" for orphan in facts.survivors),
    ]
