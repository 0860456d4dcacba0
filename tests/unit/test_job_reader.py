"""JobReader: one reading for all who ask at the same time, and none of them sees less than alone."""

import asyncio
import threading
import uuid

import pytest

from pixyz_scheduler.api.job_reader import JobReader
from pixyz_scheduler.errors import JobNotFound, RecordError, StoreUnavailable
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.report import new_record


class Store:
    """Records, and what was read; a reading ends when `go_on` is set."""

    def __init__(self):
        self.records = {}
        self.readings = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def put(self, **fields):
        job = Job(JobId(str(uuid.uuid4())), "custom", JobOptions(), 1.0)
        self.records[job.id] = {**new_record(job), "submitted": "1.0", "state": "SENT", "queue": "cpu", **fields}
        return job.id

    def read(self, ids):
        self.readings.append(list(ids))
        found = {job_id: dict(self.records[job_id]) for job_id in ids if job_id in self.records}
        self.begun.set()
        self.go_on.wait()
        return found


def ask(store, *ids):
    async def all_at_once():
        reader = JobReader(store.read)
        return await asyncio.gather(*(reader.report(job_id) for job_id in ids), return_exceptions=True)

    return asyncio.run(all_at_once())


def test_who_asks_at_the_same_time_shares_one_reading():
    store = Store()
    one, other = store.put(), store.put()
    assert [report.job.id for report in ask(store, one, other, one)] == [one, other, one]
    assert store.readings == [[one, other]]


def test_who_asks_while_a_reading_is_under_way_is_told_what_the_next_one_finds():
    store = Store()
    job = store.put()

    async def two():
        reader = JobReader(store.read)
        store.go_on.clear()
        first = asyncio.create_task(reader.report(job))
        await asyncio.to_thread(store.begun.wait)
        store.records[job]["state"] = "RUNNING"
        second = asyncio.create_task(reader.report(job))
        await asyncio.sleep(0)
        store.go_on.set()
        return [(await task).state.value for task in (first, second)]

    assert asyncio.run(two()) == ["SENT", "RUNNING"]
    assert len(store.readings) == 2


def test_what_is_wrong_with_one_job_is_told_to_who_asked_for_it():
    store = Store()
    well, future, unknown = store.put(), store.put(v="9.0"), JobId(str(uuid.uuid4()))
    answers = ask(store, well, future, unknown)
    assert answers[0].job.id == well
    assert [type(answer) for answer in answers[1:]] == [RecordError, JobNotFound]


def test_a_client_that_leaves_takes_the_answer_from_nobody_else():
    store = Store()
    job = store.put()

    async def one_leaves():
        reader = JobReader(store.read)
        leaves, stays = (asyncio.create_task(reader.report(job)) for _ in range(2))
        await asyncio.to_thread(store.begun.wait)
        leaves.cancel()
        return (await stays).job.id

    store.go_on.set()
    assert asyncio.run(one_leaves()) == job


def test_a_store_that_is_away_is_told_to_all_who_ask_and_to_the_next_as_well():
    def read(_):
        raise StoreUnavailable("away")

    async def twice():
        reader = JobReader(read)
        job = JobId(str(uuid.uuid4()))
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await reader.report(job)

    asyncio.run(twice())
