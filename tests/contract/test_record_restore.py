"""known, restore, unmirrored and mirrored: each script in each state. Time is given, never waited for."""

import uuid

import pytest

from pixyz_scheduler.broker.listing import JobFilter, list_jobs
from pixyz_scheduler.errors import RecordError
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.state import TERMINAL, JobState
from tests.contract.record_steps import DONE, OTHER, OWNER, claim, put, submit

REACHED = [
    *(JobState.SENT, JobState.STARTED, JobState.RUNNING, JobState.RETRY),
    *(JobState.SUCCESS, JobState.FAILURE, JobState.REVOKED),
]
ENDS = [state for state in REACHED if state in TERMINAL]


def flat(record):
    return [text for pair in record.items() for text in pair]


def restore(store, job_id, record):
    return store.run("restore", job_id, record["queue"], *flat(record))


def everything(client, job_id):
    """All that the store says of a job, but for the stream of events and what is to be mirrored."""
    indexes = {
        key: client.zscore(key, job_id)
        for key in client.scan_iter("ps:*")
        if client.type(key) == "zset" and key != "ps:unmirrored" and client.zscore(key, job_id) is not None
    }
    sets = {key for key in client.scan_iter("ps:children:*") if client.sismember(key, job_id)}
    return client.hgetall(f"ps:job:{job_id}"), indexes, sets


@pytest.mark.parametrize("end", ENDS)
def test_an_ended_job_is_restored_to_the_byte_and_in_every_index(store, client, end):
    job_id = submit(store, name="a", queue="cpu")
    put(store, job_id, end)
    client.hset(f"ps:job:{job_id}", mapping={"mood": "fine", "result": "\u20ac" * 1000})
    before = everything(client, job_id)
    client.flushall()
    assert restore(store, job_id, before[0]) == 1
    assert everything(client, job_id) == before
    assert client.zrange("ps:unmirrored", 0, -1) == []
    assert [report.job.id for report in list_jobs(store, JobFilter(status=end, name="a")).reports] == [job_id]
    assert store.forget(job_id)
    assert everything(client, job_id) == ({}, {}, set())


def test_a_job_that_had_not_ended_is_in_line_as_if_just_sent(store, client):
    job_id = submit(store, name="a", queue="gpu", priority=2)
    record = client.hgetall(f"ps:job:{job_id}")
    before = everything(client, job_id)
    client.flushall()
    asked = {name: value for name, value in record.items() if name not in ("state", "epoch")}
    assert restore(store, job_id, asked) == 1
    after = everything(client, job_id)
    assert (after[0], after[1].keys()) == (before[0], before[1].keys())
    assert claim(store, job_id, OWNER, "gpu").verdict == "run"


def test_the_child_of_a_job_is_its_child_again(store, client):
    parent, job_id = submit(store), submit(store)
    client.hset(f"ps:job:{job_id}", "parent", parent)
    record = client.hgetall(f"ps:job:{job_id}")
    client.delete(f"ps:job:{job_id}")
    del record["state"]
    assert restore(store, job_id, record) == 1
    assert client.smembers(f"ps:children:{parent}") == {job_id}


@pytest.mark.parametrize("reached", REACHED)
@pytest.mark.parametrize("kept", ["as sent", "as ended"])
def test_a_record_that_is_there_is_never_touched(store, client, reached, kept):
    ended = submit(store)
    put(store, ended, JobState.SUCCESS)
    record = client.hgetall(f"ps:job:{ended}")
    if kept == "as sent":
        del record["state"]
    job_id = submit(store)
    put(store, job_id, reached)
    before, events = everything(client, job_id), client.xlen("ps:ev")
    assert restore(store, job_id, record) == 0
    assert (everything(client, job_id), client.xlen("ps:ev")) == (before, events)


def test_a_record_of_another_major_is_not_restored_over(store, client, job_id):
    client.hset(f"ps:job:{job_id}", "v", "2")
    before = client.hgetall(f"ps:job:{job_id}")
    with pytest.raises(RecordError):
        restore(store, job_id, before)
    assert client.hgetall(f"ps:job:{job_id}") == before


def test_the_ids_that_have_a_record_are_told_from_those_that_have_none(store):
    there, nowhere = [submit(store) for _ in range(3)], [JobId(str(uuid.uuid4())) for _ in range(3)]
    assert set(store.run("known", *there, *nowhere)) == set(there)
    assert store.run("known", *nowhere) == []


def missing(store, *, limit=10):
    return store.run("unmirrored", limit, 3000, 30_000)


@pytest.mark.parametrize("reached", REACHED)
def test_every_end_and_nothing_else_is_to_be_mirrored(store, client, job_id, reached):
    put(store, job_id, reached)
    assert client.zrange("ps:unmirrored", 0, -1) == ([job_id] if reached in TERMINAL else [])


def test_who_ended_a_job_has_three_seconds_then_each_is_told_to_one_process_and_again_after_thirty(store):
    ids = {submit(store) for _ in range(3)}
    for job_id in ids:
        put(store, job_id, JobState.SUCCESS)
    assert missing(store) == []
    store.now_ms += 3000
    assert set(missing(store, limit=2)) | set(missing(store, limit=2)) == ids
    assert missing(store) == []
    store.now_ms += 30_000
    assert set(missing(store)) == ids


@pytest.mark.parametrize("end", ENDS)
def test_an_end_that_is_mirrored_is_no_longer_to_be(store, client, job_id, end):
    put(store, job_id, end)
    stopped = client.hget(f"ps:job:{job_id}", "stopped")
    assert store.run("mirrored", job_id, stopped) == "kept"
    assert store.run("mirrored", job_id, stopped) == "kept"
    assert not client.exists("ps:unmirrored")


def test_an_end_that_was_forgotten_meanwhile_is_no_longer_to_be_mirrored(store, client, job_id):
    put(store, job_id, JobState.SUCCESS)
    store.forget(job_id)
    client.zadd("ps:unmirrored", {job_id: 1})
    assert store.run("mirrored", job_id, "1000.000") == "kept"
    assert not client.exists("ps:unmirrored")


def test_a_job_that_was_put_to_work_again_has_no_end_to_be_mirrored(store, client, job_id):
    put(store, job_id, JobState.SUCCESS)
    stopped = client.hget(f"ps:job:{job_id}", "stopped")
    store.run_again(job_id, queue="cpu")
    assert not client.exists("ps:unmirrored")
    assert store.run("mirrored", job_id, stopped) == "running"
    store.now_ms += 10
    claim(store, job_id, OTHER)
    store.commit(job_id, DONE, lease=OTHER)
    assert store.run("mirrored", job_id, stopped) == "again"
    assert client.zrange("ps:unmirrored", 0, -1) == [job_id]


def test_a_mirror_of_another_major_touches_nothing(store, client, job_id):
    put(store, job_id, JobState.SUCCESS)
    client.hset(f"ps:job:{job_id}", "v", "2")
    with pytest.raises(RecordError):
        store.run("mirrored", job_id, "1000.000")
    assert client.zrange("ps:unmirrored", 0, -1) == [job_id]
