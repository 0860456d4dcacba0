"""Steps that lead a record into each of its states. Time is given, never waited for."""

import uuid

from pixyz_scheduler.jobs.attempt import Fence, Lease, Tally
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.retry import Finish, TryAgain
from pixyz_scheduler.jobs.state import JobState

DONE = Finish(JobState.SUCCESS)
FAILED = Finish(JobState.FAILURE, "script_error", "ValueError: x")
AGAIN = TryAgain("gpuhigh", Tally(crashes=1), "signal", "signal 11")
OWNER, OTHER = Lease(Fence("nonce-1"), "w1"), Lease(Fence("nonce-2"), "w2")


def submit(store, **options):
    job_id = JobId(str(uuid.uuid4()))
    name = options.pop("name", None)
    assert store.submit(Job(job_id, "custom", JobOptions(**options), submitted=0.0, params='{"a": 1}', name=name))
    return job_id


def claim(store, job_id, lease=OWNER, queue="cpu"):
    return store.claim(job_id, queue=queue, lease=lease)


def pass_time(store, seconds):
    """Logical time moves by at most 1.5 s a look."""
    while seconds > 0:
        store.now_ms += int(min(seconds, 1.0) * 1000)
        store.sweep()
        seconds -= 1.0


def put(store, job_id, state):
    """Bring a fresh job into a state by the ways that lead there."""
    match state:
        case JobState.SENT:
            return
        case JobState.STARTED | JobState.RUNNING | JobState.SUCCESS | JobState.FAILURE | JobState.RETRY:
            claim(store, job_id)
    match state:
        case JobState.RUNNING:
            store.renew(job_id, lease=OWNER, progress=Progress(total=1))
        case JobState.SUCCESS:
            store.commit(job_id, DONE, lease=OWNER)
        case JobState.FAILURE:
            store.commit(job_id, FAILED, lease=OWNER)
        case JobState.RETRY:
            store.commit(job_id, AGAIN, lease=OWNER)
        case JobState.REVOKED:
            store.cancel(job_id)


REACHED = [
    *(JobState.SENT, JobState.STARTED, JobState.RUNNING, JobState.RETRY),
    *(JobState.SUCCESS, JobState.FAILURE, JobState.REVOKED),
]


def state(store, job_id):
    return store.report(job_id).state
