"""Progress on its way to the record: how often it is written, and that the last of it is never lost."""

import time
from uuid import uuid4

import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.worker.lease_keeper import Held, LeaseKeeper

MOST_A_SECOND = 20

TELLS_MUCH = """
def main(pc, params):
    pc.progress_set_total(1000)
    for n in range(1000):
        pc.progress_next(str(n))
    pc.progress_output({"last": n})
"""


class CountedStore(RecordStore):
    """Keeps what progress it was told, once that was written."""

    def __init__(self, client):
        super().__init__(client)
        self.told = []

    def renew(self, job_id, *, progress=None, **more):
        answer = super().renew(job_id, progress=progress, **more)
        if progress is not None:
            self.told.append(progress)
        return answer


@pytest.fixture
def store(store_url, client):
    client.flushall()
    own = connect(store_url, timeout=1.0)
    yield CountedStore(own)
    own.close()


@pytest.fixture
def held(store):
    job_id, lease = JobId(str(uuid4())), Lease(Fence("f"), "w1")
    assert store.submit(Job(job_id, "sleep", JobOptions(compute_only=True), submitted=time.time()))
    store.claim(job_id, queue="cpu", lease=lease)
    return Held(job_id, lease, tick=lambda _: None, stop=lambda _: None)


def test_however_often_a_script_tells_the_store_is_written_twenty_times_a_second_at_most(store, held):
    began, tells = time.monotonic(), 0
    with LeaseKeeper(store) as keeper:
        keeper.keep(held)
        while len(store.told) < 6 or tells < 1000:
            tells += 1
            keeper.tell(held.job_id, Progress(total=tells))
        while store.report(held.job_id).progress.total != tells:
            pass
    elapsed = time.monotonic() - began
    assert len(store.told) < tells
    # A renewal takes along what there is to tell.
    assert len(store.told) <= 1 + elapsed * MOST_A_SECOND + elapsed / store.pace.renew


def test_what_is_long_is_written_a_mebibyte_a_second_at_most(store, held):
    began, tells, long = time.monotonic(), 0, "x" * 300_000
    with LeaseKeeper(store) as keeper:
        keeper.keep(held)
        while len(store.told) < 4:
            tells += 1
            keeper.tell(held.job_id, Progress(total=tells, output=long))
    elapsed = time.monotonic() - began
    written = sum(len(progress.text) for progress in store.told[1:])
    # A renewal takes along what there is to tell.
    assert written <= elapsed * (1 << 20) + len(long) * elapsed / store.pace.renew


def test_what_is_told_last_is_written_though_nothing_follows(store, held):
    with LeaseKeeper(store) as keeper:
        keeper.keep(held)
        for total in range(1, 4):
            keeper.tell(held.job_id, Progress(total=total))
        while store.report(held.job_id).progress.total != 3:
            pass
    assert store.told[-1] == Progress(total=3)


def test_all_that_a_script_told_in_an_instant_is_in_the_record_with_its_end(fork_bench):
    report = fork_bench.run(TELLS_MUCH)
    assert [step.info for step in report.progress.steps] == [str(n) for n in range(1000)]
    assert (report.percent, report.progress.output) == (100, {"last": 999})
    assert all(step.duration >= 0 for step in report.progress.steps)
