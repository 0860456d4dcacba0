"""Every script on a record of each version: another minor is worked on and kept whole, another major is refused."""

import uuid
from collections.abc import Callable
from typing import NamedTuple

import pytest

from pixyz_scheduler.broker.listing import JobFilter, list_jobs
from pixyz_scheduler.errors import RecordError
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.progress import Progress
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


# As version 1.2 wrote it, to the letter: empty fields, all options, an attempt with what was not known.
BEFORE_1_3 = {
    "v": "1.2",
    "process": "custom",
    "options": '{"entrypoint":"main","queue":"cpu","time_limit":3600.0,"no_progress_limit":null,"input_url":null,'
    '"input_job":null,"input_path":null,"root_file":null,"compute_only":false,"raw":false,"priority":5}',
    "params": "{}",
    **dict.fromkeys(("name", "input_file", "parent", "root", "inputs_of", "outputs_of", "fence", "draining"), ""),
    **dict.fromkeys(("result_file", "traceback", "cause", "error"), ""),
    "script": "bench.py",
    "priority": "5",
    "submitted": "1795759066.917",
    "epoch": "1",
    "queue": "cpu",
    "state": "SUCCESS",
    "owner": "vm-1",
    "started": "1795759067.638",
    "progress": '{"total":null,"steps":[],"output":null,"before":0}',
    "attempts": '[{"number":1,"worker":"vm-1","queue":"cpu","started":1795759067.638,"stopped":1795759067.642169,'
    '"outcome":"success","exit_code":0,"signal":null,"peak_memory":28788}]',
    "result": "null",
    "stopped": "1795759067.642",
    "committed_by": "dc5adb8cfece06ce/owner",
    "committed_as": "SUCCESS",
}


def ended_job_of_1_2(client):
    job_id = JobId(str(uuid.uuid4()))
    moment = float(BEFORE_1_3["submitted"])
    client.hset(f"ps:job:{job_id}", mapping=BEFORE_1_3)
    for index in ("ps:jobs", "ps:state:SUCCESS", "ps:queue:cpu"):
        client.zadd(index, {job_id: moment})
    client.zadd("ps:finished", {job_id: float(BEFORE_1_3["stopped"])})
    return job_id


def test_a_record_of_1_2_says_the_same_as_one_of_this_version(store, client):
    report = store.report(ended_job_of_1_2(client))
    assert (report.job.options, report.job.params, report.job.parent) == (JobOptions(), "{}", None)
    assert (report.state, report.result, report.error, report.progress) == (JobState.SUCCESS, "null", None, Progress())
    assert report.attempts[0]["peak_memory"] == 28788


def test_a_job_of_1_2_is_listed_run_again_and_forgotten(store, client):
    job_id = ended_job_of_1_2(client)
    assert [report.job.id for report in list_jobs(store, JobFilter(parent="")).reports] == [job_id]
    assert store.run_again(job_id, queue="cpu") == "SENT"
    assert store.claim(job_id, queue="cpu", lease=LEASE).verdict == "run"
    assert store.commit(job_id, DONE, lease=LEASE) is JobState.SUCCESS
    assert store.forget(job_id)
    assert list(client.scan_iter(f"*{job_id}*")) == []


def test_a_record_keeps_no_empty_field(client, record_of):
    record = client.hgetall(f"ps:job:{record_of(RECORD_VERSION, state='SUCCESS')}")
    assert [name for name, text in record.items() if not text] == []
    assert record["options"] == "{}"
