"""The farm: workers that say they live, on a real store; and what a job waits for. Time is given."""

import threading
from dataclasses import replace

import pytest

from pixyz_scheduler.broker.calls import Calls
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.farm import Announcer, Farm, Worker
from pixyz_scheduler.broker.overview import Overview
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.jobs.attempt import Fence, Lease, Tally
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.jobs.retry import TryAgain
from pixyz_scheduler.jobs.waiting import Waiting

ID = JobId("00000000-0000-4000-8000-00000000000{}")
ADA = Worker("ada", ("cpu", "gpuhigh"), slots=1, host="h1", pid=7, version="1.0", started=12.5)
BOB = Worker("bob", ("gpu",), slots=5, host="h2", pid=8, version="1.0", started=13.5, busy=3, trouble="no share")


@pytest.fixture
def records(store_url):
    client = connect(store_url)
    client.flushall()
    yield RecordStore(client, now_ms=1_000_000)
    client.close()


def pass_time(records, seconds):
    for _ in range(seconds):
        records.now_ms += 1000
        records.sweep()


def submit(records, number, **options):
    job_id = JobId(ID.format(number))
    assert records.submit(Job(job_id, "custom", JobOptions(**options), submitted=0.0))
    return job_id


def test_workers_are_known_as_they_said_it_last(records):
    farm = Farm(records)
    farm.announce(ADA)
    farm.announce(BOB)
    farm.announce(replace(ADA, busy=1, draining=True))
    assert farm.workers() == (replace(ADA, busy=1, draining=True), BOB)


def test_a_worker_that_says_nothing_more_is_forgotten_and_one_that_goes_at_once(records):
    farm = Farm(records)
    farm.announce(ADA)
    pass_time(records, 4)
    farm.announce(BOB)
    pass_time(records, 4)
    assert farm.workers() == (BOB,)
    farm.withdraw(BOB)
    assert farm.workers() == ()


def test_nothing_of_a_worker_that_has_gone_in_order_is_left(records):
    farm = Farm(records)
    farm.announce(ADA)
    farm.withdraw(ADA)
    # That somebody has ever listened on its queues is for the figures.
    assert set(records._client.scan_iter("ps:*")) == {"ps:clk", "ps:served"}


def test_an_outage_of_the_store_makes_no_worker_forgotten(records):
    farm = Farm(records)
    farm.announce(ADA)
    records.now_ms += 3_600_000
    assert farm.workers() == (ADA,)


def test_what_a_waiting_job_waits_for(records):
    farm = Farm(records)
    farm.announce(BOB)
    first = submit(records, 1)
    assert records.waiting(first) == Waiting(ahead=0, listeners=0)
    farm.announce(ADA)
    second, urgent = submit(records, 2), submit(records, 3, priority=0)
    assert records.waiting(urgent) == Waiting(ahead=0, listeners=1)
    assert {records.waiting(job_id).ahead for job_id in (first, second)} == {1, 2}


def test_what_a_job_that_is_tried_again_or_lacks_a_token_waits_for(records):
    Farm(records).announce(ADA)
    job_id, other = submit(records, 1), submit(records, 2)
    lease = Lease(Fence("n"), "ada")
    records.claim(job_id, queue="cpu", lease=lease, tokens=1)
    assert records.claim(other, queue="cpu", lease=Lease(Fence("m"), "ada"), tokens=1).verdict == "no_licence"
    assert records.waiting(other) == Waiting(ahead=0, listeners=1, parked=True)
    records.commit(job_id, TryAgain("cpu", Tally(hindrances=1), "infrastructure", "x", delay=2.0), lease=lease)
    assert records.waiting(job_id) == Waiting(ahead=0, listeners=1, due=2.0)


def test_a_job_that_does_not_wait_waits_for_nothing(records):
    job_id = submit(records, 1)
    records.claim(job_id, queue="cpu", lease=Lease(Fence("n"), "ada"))
    assert records.waiting(job_id) is None


def test_a_worker_announces_itself_until_it_goes(store_url, records):
    records.now_ms = 0
    farm = Farm(records)
    with Announcer(Farm(RecordStore(connect(store_url))), lambda: ADA, each=0.01) as announcer:
        while farm.workers() != (ADA,):
            pass
        while not announcer.is_heard:
            pass
    assert farm.workers() == ()


def test_a_worker_hears_of_a_cancel_at_once_also_after_its_connection_was_cut(store_url, records):
    client = connect(store_url)
    job_id = submit(records, 1)
    records.claim(job_id, queue="cpu", lease=Lease(Fence("n"), "ada"))
    heard = threading.Event()
    with Calls(connect(store_url), "ada", lambda called: heard.set() if called == job_id else None):
        for _ in range(2):
            while not client.pubsub_numsub("ps:ctl:ada")[0][1]:
                pass
            heard.clear()
            records.cancel(job_id)
            heard.wait()
            for known in client.client_list(_type="pubsub"):
                client.client_kill(known["addr"])
    client.close()


def test_a_worker_knows_when_the_store_takes_no_word_of_it(tmp_path):
    announcer = Announcer(Farm(RecordStore(connect(f"unix://{tmp_path}/nobody.sock"))), lambda: ADA, each=0.01)
    announcer.is_heard = True
    announcer._try()
    assert not announcer.is_heard


def test_who_lives_is_seen_without_a_word_to_the_store(store_url):
    with connect(store_url) as client:
        client.flushall()
        records = RecordStore(client, pace=PACE.scaled(100))
        overview = Overview(client, records)
        assert overview.seen() == ()
        assert client.dbsize() == 0
        Farm(records).announce(ADA)
        Farm(RecordStore(client, pace=PACE.scaled(0.02))).announce(replace(ADA, name="brief"))
        before = client.hgetall("ps:clk")
        while len(overview.seen()) > 1:
            pass
        assert overview.seen() == (ADA,)
        assert client.hgetall("ps:clk") == before
