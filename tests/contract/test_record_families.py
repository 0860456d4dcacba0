"""Jobs that jobs have started: a cancel reaches them."""

import uuid

import pytest

from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.state import TERMINAL, WAITING, JobState
from tests.contract.record_steps import OTHER, REACHED, claim, put, state, submit


def child_of(store, parent, **options):
    job_id = JobId(str(uuid.uuid4()))
    store.submit(Job(job_id, "custom", JobOptions(**options), submitted=0.0, parent=parent))
    return job_id


@pytest.mark.parametrize("reached", REACHED)
def test_a_cancel_of_the_parent_reaches_a_child_in_each_state(store, job_id, reached):
    claim(store, job_id, OTHER)
    child = child_of(store, job_id)
    put(store, child, reached)
    assert store.cancel(job_id) == "cancelling"
    report = store.report(child)
    assert report.state is (JobState.REVOKED if reached in WAITING else reached)
    assert report.cancelling == (reached not in TERMINAL - {JobState.REVOKED})


def test_a_cancel_reaches_the_whole_family_and_nobody_else(store, job_id):
    claim(store, job_id, OTHER)
    child = child_of(store, job_id)
    grandchild, stranger = child_of(store, child), submit(store)
    store.cancel(job_id)
    assert [state(store, each) for each in (child, grandchild)] == [JobState.REVOKED] * 2
    assert state(store, stranger) is JobState.SENT


def test_a_child_that_a_cancelled_parent_still_starts_ends_at_once(store, job_id):
    claim(store, job_id)
    store.cancel(job_id)
    child = child_of(store, job_id)
    assert state(store, child) is JobState.REVOKED
    assert claim(store, child, OTHER).verdict == "done"


def test_a_parent_that_has_ended_keeps_its_end_and_its_children_go_on(store, job_id):
    put(store, job_id, JobState.SUCCESS)
    child = child_of(store, job_id)
    assert store.cancel(job_id) == "SUCCESS"
    assert state(store, child) is JobState.SENT


def test_jobs_that_were_made_each_others_parents_are_cancelled_all_the_same(store, client, job_id):
    child = child_of(store, job_id)
    client.sadd(f"ps:children:{child}", job_id)
    assert store.cancel(job_id) == "REVOKED"
    assert state(store, child) is JobState.REVOKED


def test_nothing_of_a_family_is_left_when_it_is_forgotten(store, client, job_id):
    child = child_of(store, job_id)
    store.cancel(job_id)
    store.forget(child)
    store.forget(job_id)
    assert client.keys("ps:children:*") == []
