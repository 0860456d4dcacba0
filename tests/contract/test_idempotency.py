"""hold, release and submit_once: one key makes one job, in whatever order the scripts are called. Time is given."""

import itertools
import random
import threading
import uuid

import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.idempotency import Hold
from pixyz_scheduler.broker.listing import JobFilter, list_jobs
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import (
    IdempotencyKeyReused,
    JobNotFound,
    RequestInFlight,
    StoreUnavailable,
)
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions

KEY, PRINT = "d" * 64, "f" * 64


@pytest.fixture
def store(client):
    return RecordStore(client)


def new_job():
    return Job(JobId(str(uuid.uuid4())), "custom", JobOptions(), submitted=0.0)


def submit(hold, job, fingerprint=PRINT):
    return hold.submit(job, fingerprint=fingerprint, answer=f"answer {job.id}")


def made(store):
    return [report.job.id for report in list_jobs(store, JobFilter()).reports]


def test_a_key_is_held_by_one_request_and_is_free_again_when_that_has_made_no_job(store, client):
    with Hold(store, KEY):
        assert 0 < client.pttl(f"ps:idem:{KEY}") <= 30_000
        with pytest.raises(RequestInFlight), Hold(store, KEY):
            pass
        with Hold(store, "other"):
            pass
        assert client.exists(f"ps:idem:{KEY}")
    assert not client.keys("ps:idem:*")
    with Hold(store, KEY):
        pass


def test_record_and_key_come_together_and_stay_for_a_day(store, client):
    job = new_job()
    with Hold(store, KEY) as hold:
        assert hold.earlier(PRINT) is None
        assert submit(hold, job) is None
    assert made(store) == [job.id]
    assert client.hgetall(f"ps:idem:{KEY}") == {"id": job.id, "fingerprint": PRINT, "answer": f"answer {job.id}"}
    assert 86_000_000 < client.pttl(f"ps:idem:{KEY}") <= 86_400_000


def test_the_same_request_is_given_the_first_answer_and_another_one_is_refused(store):
    first = new_job()
    with Hold(store, KEY) as hold:
        submit(hold, first)
    with Hold(store, KEY) as hold:
        assert hold.earlier(PRINT).answer == f"answer {first.id}"
        with pytest.raises(IdempotencyKeyReused):
            hold.earlier("other")
    with Hold(store, KEY) as hold:
        assert submit(hold, new_job()).answer == f"answer {first.id}"
        with pytest.raises(IdempotencyKeyReused):
            submit(hold, new_job(), "other")
    assert made(store) == [first.id]


def test_two_requests_that_both_believe_they_hold_the_key_make_one_job(store, client):
    """The first stalled so long that its grip ran out."""
    first, second = new_job(), new_job()
    with Hold(store, KEY) as stalled:
        client.delete(f"ps:idem:{KEY}")
        with Hold(store, KEY) as quick:
            assert submit(quick, second) is None
        assert submit(stalled, first).answer == f"answer {second.id}"
        stalled._refreshed = -100.0
        stalled.refresh()
    assert made(store) == [second.id]
    assert client.hget(f"ps:idem:{KEY}", "id") == second.id


def test_one_that_lost_its_grip_frees_nobody_elses(store, client):
    with Hold(store, KEY):
        client.delete(f"ps:idem:{KEY}")
        inner = Hold(store, KEY)
        inner.__enter__()
    assert client.exists(f"ps:idem:{KEY}")
    inner.__exit__()
    assert not client.exists(f"ps:idem:{KEY}")


def test_a_submission_that_the_client_library_sends_twice_is_the_first_answer_and_no_replay(store):
    job = new_job()
    with Hold(store, KEY) as hold:
        assert submit(hold, job) is None
        assert submit(hold, job) is None
    assert made(store) == [job.id]


def test_a_job_that_was_restored_before_its_record_was_written_has_its_key_all_the_same(store, client):
    job = new_job()
    store.submit(job)
    with Hold(store, KEY) as hold:
        assert submit(hold, job) is None
    assert client.hget(f"ps:idem:{KEY}", "id") == job.id


def test_a_submission_that_comes_too_late_leaves_neither_record_nor_key(store, client):
    job = new_job()
    arguments = (job.id, "cpu", 1, "", "", "v", "1", KEY, PRINT, "answer", 1000)
    assert store.run("submit_once", *arguments) == -1
    assert not client.keys("ps:idem:*")
    with pytest.raises(JobNotFound):
        store.report(job.id)


def test_a_store_that_is_away_is_said_and_the_grip_lets_go(tmp_path):
    hold = Hold(RecordStore(connect(f"unix://{tmp_path}/nobody.sock")), KEY)
    with pytest.raises(StoreUnavailable):
        hold.__enter__()
    hold.__exit__()


@pytest.mark.parametrize("order", list(itertools.permutations(["hold", "submit", "expire"])))
def test_whatever_the_order_of_holding_submitting_and_expiring_there_is_one_job(store, client, order):
    holds = [Hold(store, KEY), Hold(store, KEY)]
    for step, hold in itertools.product(order, holds):
        match step:
            case "hold":
                try:
                    hold.__enter__()
                except RequestInFlight:
                    continue
            case "submit":
                submit(hold, new_job())
            case "expire":
                if client.hget(f"ps:idem:{KEY}", "id") is None:
                    client.delete(f"ps:idem:{KEY}")
    for hold in holds:
        hold.__exit__()
    assert len(made(store)) == 1


def test_many_at_once_on_one_key_make_one_job_and_hear_the_same(store_url, store):
    answers, chance = [], random.Random(3)  # noqa: S311  (no secret)

    def send(expires):
        with connect(store_url) as own:
            while True:
                try:
                    with Hold(RecordStore(own), KEY) as hold:
                        if expires:
                            own.eval(
                                "if not redis.call('HGET', KEYS[1], 'id') then redis.call('DEL', KEYS[1]) end",
                                1,
                                f"ps:idem:{KEY}",
                            )
                        job = new_job()
                        earlier = submit(hold, job)
                        answers.append(earlier.answer if earlier else f"answer {job.id}")
                        return
                except RequestInFlight:  # noqa: PERF203  (that is the loop's purpose)
                    continue

    threads = [threading.Thread(target=send, args=(chance.random() < 0.5,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(answers), len(set(answers)), len(made(store))) == (12, 1, 1)
