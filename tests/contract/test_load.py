"""How much work queues have, as who scales their workers is told; time is given."""

import json
import uuid

import pytest

from pixyz_scheduler.broker.load import Load, load_of
from pixyz_scheduler.errors import BadInput
from pixyz_scheduler.jobs.attempt import Fence, Lease, Tally
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.retry import TryAgain, Wait
from pixyz_scheduler.jobs.workflow import result_of
from tests.contract.record_steps import AGAIN, DONE, OWNER, claim, pass_time, submit

LATER = TryAgain("cpu", Tally(hindrances=5), "infrastructure", "disk full", delay=32.0)


def load(store, *queues):
    found = load_of(store, queues)
    assert found.outstanding == found.waiting + found.running
    return found.waiting, found.running


def licensed(store, job_id, *, queue="cpu"):
    return store.claim(job_id, queue=queue, lease=Lease(Fence(job_id), "w"), tokens=1).verdict


def test_a_queue_that_nobody_has_used_has_no_load(store):
    assert load_of(store, ["never-heard-of"]) == Load(waiting=0, running=0)


def test_jobs_in_line_wait_whatever_their_priority(store):
    for priority in range(10):
        submit(store, priority=priority)
    assert load(store, "cpu") == (10, 0)


def test_a_job_that_a_worker_has_runs_and_one_that_has_ended_is_neither(store, job_id):
    claim(store, job_id)
    assert load(store, "cpu") == (0, 1)
    store.commit(job_id, DONE, lease=OWNER)
    assert load(store, "cpu") == (0, 0)


def test_queues_are_counted_together_each_once(store):
    submit(store)
    submit(store, queue="zip")
    submit(store, queue="gpu")
    claim(store, submit(store, queue="zip"), queue="zip")
    assert load(store, "cpu", "zip", "cpu") == (2, 1)


def test_a_retry_counts_where_it_goes(store, job_id):
    claim(store, job_id)
    store.commit(job_id, AGAIN, lease=OWNER)
    assert (load(store, "cpu"), load(store, "gpuhigh")) == ((0, 0), (1, 0))


def test_a_job_between_two_attempts_waits(store, job_id):
    claim(store, job_id)
    store.commit(job_id, LATER, lease=OWNER)
    assert (load(store, "cpu"), load(store, "gpu")) == ((1, 0), (0, 0))
    pass_time(store, 40)
    assert load(store, "cpu") == (1, 0)


def test_a_job_parked_for_a_licence_does_not_wait_for_a_worker_until_a_token_is_free(store, job_id):
    assert licensed(store, job_id) == "run"
    assert licensed(store, submit(store)) == "no_licence"
    assert load(store, "cpu") == (0, 1)
    store.commit(job_id, DONE, lease=Lease(Fence(job_id), "w"))
    store.sweep()
    assert load(store, "cpu") == (1, 0)


def test_a_job_that_awaits_its_sub_tasks_neither_waits_nor_runs(store, job_id):
    child = submit(store, queue="zip")
    claim(store, job_id)
    store.commit(job_id, Wait(result_of(child)), lease=OWNER, wait_limit=100.0)
    assert (load(store, "cpu"), load(store, "zip")) == ((0, 0), (1, 0))


def test_a_job_that_begins_with_the_result_of_another_does_not_wait_before(store, job_id):
    after = JobId(str(uuid.uuid4()))
    needs = json.dumps(result_of(job_id))
    assert store.submit(Job(after, "custom", JobOptions(), submitted=0.0, after=(job_id,), needs=needs))
    assert load(store, "cpu") == (1, 0)
    claim(store, job_id)
    assert load(store, "cpu") == (0, 1)
    store.commit(job_id, DONE, lease=OWNER)
    assert load(store, "cpu") == (1, 0)


def test_a_lost_worker_s_job_runs_until_its_lease_is_over(store, job_id):
    claim(store, job_id)
    pass_time(store, 20)
    assert load(store, "cpu") == (0, 1)
    store.commit(job_id, AGAIN, lease=OWNER, by="sweeper")
    assert load(store, "cpu", "gpuhigh") == (1, 0)


def test_looking_changes_nothing(store, client, job_id):
    claim(store, job_id)
    submit(store)
    before = {key: client.dump(key) for key in client.scan_iter()}
    load(store, "cpu", "zip")
    assert {key: client.dump(key) for key in client.scan_iter()} == before


@pytest.mark.parametrize("name", ["", "a:b", "a b", "*", "x" * 65, "ü"])
def test_what_cannot_be_a_queue_s_name_is_refused_saying_what_is_allowed(store, name):
    with pytest.raises(BadInput, match="1 to 64 letters, digits"):
        load_of(store, ["cpu", name])


def test_more_queues_than_anybody_serves_are_refused(store):
    with pytest.raises(BadInput, match="at most 100"):
        load_of(store, [f"q{number}" for number in range(101)])


def test_it_costs_one_question_whatever_lies_in_the_store(store, client):
    def steps():
        """Commands that the server has run for us."""
        told = client.info("commandstats")
        return sum(kind["calls"] for name, kind in told.items() if name not in ("cmdstat_info", "cmdstat_client"))

    load(store, "cpu", "zip")
    costs = []
    for _ in range(2):
        for _ in range(300):
            submit(store)
        before = steps()
        load(store, "cpu", "zip")
        costs.append(steps() - before)
    assert costs[0] == costs[1] < 40
