"""Records after their end, and what is done with them: deleted, run again; and workers that leave."""

import pytest

from pixyz_scheduler.jobs.attempt import Tally
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.state import JobState
from tests.contract.record_steps import AGAIN, DONE, FAILED, OTHER, OWNER, REACHED, claim, pass_time, put, state

ENDS = {JobState.SUCCESS, JobState.FAILURE, JobState.REVOKED}


@pytest.mark.parametrize("reached", REACHED)
def test_a_delete_cancels_and_is_remembered_until_the_job_has_ended(store, job_id, reached):
    put(store, job_id, reached)
    held = reached in (JobState.STARTED, JobState.RUNNING)
    assert store.delete(job_id) == ("cancelling" if held else reached.value if reached in ENDS else "REVOKED")
    assert store.doomed() == ([] if held else [job_id])
    if held:
        assert store.commit(job_id, DONE, lease=OWNER) is JobState.REVOKED
        assert store.doomed() == [job_id]
    assert store.forget(job_id)
    assert store.doomed() == []


def test_a_doomed_job_without_a_record_is_no_longer_listed(store, job_id, client):
    store.delete(job_id)
    client.delete(f"ps:job:{job_id}")
    assert store.doomed() == []
    assert client.smembers("ps:doomed") == set()


@pytest.mark.parametrize("reached", REACHED)
def test_a_job_is_run_again_only_when_it_has_ended(store, job_id, reached):
    put(store, job_id, reached)
    before = store.report(job_id)
    answer = store.run_again(job_id, queue="cpu")
    if reached not in ENDS:
        assert (answer, store.report(job_id)) == (reached.value, before)
    else:
        assert answer == "SENT"
        report = store.report(job_id)
        assert (report.state, report.queue, report.tally) == (JobState.SENT, "cpu", Tally())
        assert (report.error, report.cause, report.result, report.stopped) == (None, None, None, None)
        assert (report.attempts, report.cancelling, report.progress) == ((), False, Progress())
        # Attempts are counted on: the next one's log and fence are its own.
        assert claim(store, job_id, OTHER).report.epoch == before.epoch + 1


def test_a_job_that_is_run_again_waits_in_one_line_only(store, client, job_id):
    put(store, job_id, JobState.RETRY)
    claim(store, job_id, OTHER, "gpuhigh")
    store.commit(job_id, FAILED, lease=OTHER)
    store.run_again(job_id, queue="cpu")
    lines = [key for key in client.scan_iter("ps:waiting:*") if client.zscore(key, job_id) is not None]
    assert lines == ["ps:waiting:cpu:5"]
    assert client.zscore("ps:finished", job_id) is None


def test_a_late_commit_of_the_first_history_does_not_end_the_second(store, job_id):
    put(store, job_id, JobState.SUCCESS)
    store.run_again(job_id, queue="cpu")
    assert store.commit(job_id, DONE, lease=OWNER) is None
    claim(store, job_id, OTHER)
    assert store.commit(job_id, DONE, lease=OWNER) is None
    assert state(store, job_id) is JobState.STARTED


def test_a_request_that_was_late_does_not_run_a_later_end_again(store, job_id):
    put(store, job_id, JobState.SUCCESS)
    first = store.report(job_id).stopped
    assert store.run_again(job_id, queue="cpu", ended=first) == "SENT"
    # Its answer was lost, and it is sent again: that changes nothing.
    assert store.run_again(job_id, queue="cpu", ended=first) == "SENT"
    store.now_ms += 1000
    claim(store, job_id, OTHER)
    store.commit(job_id, DONE, lease=OTHER)
    assert store.run_again(job_id, queue="cpu", ended=first) == "SUCCESS"
    assert state(store, job_id) is JobState.SUCCESS


def test_a_job_that_is_to_be_removed_is_not_run_again(store, job_id):
    put(store, job_id, JobState.SUCCESS)
    store.delete(job_id)
    assert store.run_again(job_id, queue="cpu") == "doomed"


@pytest.mark.parametrize("told", [True, False])
def test_a_worker_that_vanishes_after_it_said_that_it_leaves_is_told_from_one_that_is_lost(store, job_id, told):
    claim(store, job_id)
    assert store.renew(job_id, lease=OWNER, is_draining=told) == "go_on"
    pass_time(store, 8)
    assert store.sweep().expired == (job_id,)
    assert store.report(job_id).draining is told
    store.commit(job_id, AGAIN, lease=OWNER, by="sweeper")
    claim(store, job_id, OTHER, "gpuhigh")
    assert not store.report(job_id).draining
