"""Every script on a record of each version: another minor is worked on and kept whole, another major is refused."""

import uuid
from collections.abc import Callable
from typing import NamedTuple

import pytest

from pixyz_scheduler.broker.listing import JobFilter, list_jobs
from pixyz_scheduler.errors import RecordError
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.report import RECORD_VERSION, is_readable
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState

LEASE = Lease(Fence("nonce"), "w1")
DONE = Finish(JobState.SUCCESS)
READABLE = ["1", "1.0", RECORD_VERSION, "1.9", "1.10"]
FOREIGN = ["2", "2.0", "11", "1.x", "1.", ".1", "one", "10.1"]


@pytest.fixture
def record_of(store, client):
    """Makes a record of a version, with a field of the future in it, by default held by LEASE."""

    def make(version, *, state="STARTED"):
        job_id = JobId(str(uuid.uuid4()))
        assert store.submit(Job(job_id, "custom", JobOptions(), submitted=0.0))
        if state != "SENT":
            store.claim(job_id, queue="cpu", lease=LEASE)
        if state == "SUCCESS":
            store.commit(job_id, DONE, lease=LEASE)
        client.hset(f"ps:job:{job_id}", mapping={"v": version, "mood": "fine"})
        return job_id

    return make


def submit_again(store, job_id):
    return store.submit(Job(job_id, "sleep", JobOptions(), submitted=0.0))


class Ask(NamedTuple):
    """A script, the state of the record it is asked about, and its answer where it can read that."""

    script: str
    state: str
    call: Callable
    answer: object


ASKS = [
    Ask("submit", "SENT", submit_again, answer=False),
    Ask("claim", "SENT", lambda store, job_id: store.claim(job_id, queue="cpu", lease=LEASE).verdict, "run"),
    Ask("renew", "STARTED", lambda store, job_id: store.renew(job_id, lease=LEASE), "go_on"),
    Ask("commit", "STARTED", lambda store, job_id: store.commit(job_id, DONE, lease=LEASE), JobState.SUCCESS),
    Ask("cancel", "SENT", lambda store, job_id: store.cancel(job_id), "REVOKED"),
    Ask("forget", "SUCCESS", lambda store, job_id: store.forget(job_id), answer=True),
    Ask("report", "SUCCESS", lambda store, job_id: store.report(job_id).state, JobState.SUCCESS),
]


@pytest.mark.parametrize("version", READABLE)
@pytest.mark.parametrize("ask", ASKS, ids=[ask.script for ask in ASKS])
def test_a_record_of_another_minor_is_worked_on_and_what_is_not_known_stays(store, client, record_of, version, ask):
    job_id = record_of(version, state=ask.state)
    assert ask.call(store, job_id) == ask.answer
    if ask.script != "forget":
        after = client.hgetall(f"ps:job:{job_id}")
        assert (after["v"], after["mood"]) == (version, "fine")


@pytest.mark.parametrize("version", FOREIGN)
@pytest.mark.parametrize("ask", ASKS, ids=[ask.script for ask in ASKS])
def test_a_record_of_another_major_is_refused_in_words_and_left_alone(store, client, record_of, version, ask):
    job_id = record_of(version, state=ask.state)
    before = client.hgetall(f"ps:job:{job_id}")
    with pytest.raises(RecordError, match=job_id):
        ask.call(store, job_id)
    assert client.hgetall(f"ps:job:{job_id}") == before


@pytest.mark.parametrize("version", [*READABLE, *FOREIGN])
def test_a_sweep_neither_stumbles_over_a_record_of_any_version_nor_changes_it(store, client, record_of, version):
    job_id = record_of(version)
    before = client.hgetall(f"ps:job:{job_id}")
    for _ in range(8):
        store.now_ms += 1000
        found = store.sweep()
    assert found.expired == (job_id,)
    assert client.hgetall(f"ps:job:{job_id}") == before


@pytest.mark.parametrize("version", [*READABLE, *FOREIGN, "", None])
def test_python_reads_what_the_scripts_read(version):
    assert is_readable(version) == (version in READABLE)


def test_a_new_record_is_of_this_programs_version(store, client):
    job_id = JobId(str(uuid.uuid4()))
    assert store.submit(Job(job_id, "custom", JobOptions(), submitted=0.0))
    assert client.hget(f"ps:job:{job_id}", "v") == RECORD_VERSION
    assert is_readable(RECORD_VERSION)


def test_a_record_of_an_earlier_minor_has_no_hashes_of_its_inputs(store, client, record_of):
    hashed = JobId(str(uuid.uuid4()))
    assert store.submit(Job(hashed, "custom", JobOptions(), submitted=0.0, input_hashes={"a.step": "ab" * 32}))
    assert store.report(hashed).job.input_hashes == {"a.step": "ab" * 32}
    assert store.report(record_of("1.2")).job.input_hashes == {}
    client.hdel(f"ps:job:{hashed}", "input_hashes")
    assert store.report(hashed).job.input_hashes == {}


@pytest.mark.parametrize("version", FOREIGN)
def test_a_listing_tells_of_a_record_of_another_major_and_hides_no_other(store, record_of, version):
    foreign = record_of(version)
    ours = JobId(str(uuid.uuid4()))
    assert store.submit(Job(ours, "custom", JobOptions(), submitted=0.0))
    listed = {report.job.id: report for report in list_jobs(store, JobFilter()).reports}
    assert set(listed) == {foreign, ours}
    assert listed[foreign].state is JobState.UNKNOWN
    assert foreign in listed[foreign].error


@pytest.mark.parametrize("version", READABLE)
def test_a_listing_reads_what_the_scripts_read(store, record_of, version):
    record_of(version)
    assert [report.state for report in list_jobs(store, JobFilter()).reports] == [JobState.STARTED]
