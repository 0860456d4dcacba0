"""What the store counts of jobs and workers, and what one look at it tells. Time is given, never waited for."""

import uuid
from dataclasses import replace

import pytest

from pixyz_scheduler.broker.families import Families
from pixyz_scheduler.broker.farm import Farm, Worker
from pixyz_scheduler.broker.farm_figures import FarmFigures, WorkerFigures
from pixyz_scheduler.jobs.attempt import Fence, Lease, Tally
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.retry import Finish, TryAgain, Wait
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.workflow import list_of, result_of
from tests.contract.record_steps import AGAIN, DONE, FAILED, OTHER, OWNER, claim, pass_time, submit

HOPS = {"hops": "1500 20000 3000"}
HERE = Worker(name="w1", queues=("cpu", "gpu"), slots=2, host="h", pid=1, version="1", started=0.0)


def read(store):
    return FarmFigures.read(store)


def queue(store, name):
    return next(line for line in read(store).queues if line.name == name)


def count(spread):
    return spread.buckets[-1][1]


def end(store, job_id, decision=DONE, *, lease=OWNER, on="cpu", **more):
    store.claim(job_id, queue=on, lease=lease)
    return store.commit(job_id, decision, lease=lease, fields=HOPS, **more)


def started(store, client, parent, **more):
    """A job of the script that `parent` runs."""
    job = Job(JobId(str(uuid.uuid4())), "custom", JobOptions(), submitted=0.0, parent=parent, root=parent, **more)
    Families(store, client).start(job)
    return job.id


def test_an_end_is_counted_by_queue_outcome_and_process(store):
    end(store, submit(store))
    end(store, submit(store), FAILED)
    job = Job(JobId(str(uuid.uuid4())), "convert_file", JobOptions(queue="gpu"), submitted=0.0)
    store.submit(job)
    end(store, job.id, on="gpu")
    assert read(store).ended == {
        ("cpu", "success", "custom"): 1,
        ("cpu", "script_error", "custom"): 1,
        ("gpu", "success", "convert_file"): 1,
    }


def test_a_process_may_be_called_anything_that_a_file_may(store):
    job = Job(JobId(str(uuid.uuid4())), "a:b c", JobOptions(), submitted=0.0)
    store.submit(job)
    end(store, job.id)
    assert read(store).ended == {("cpu", "success", "a:b c"): 1}


def test_a_commit_that_is_sent_twice_or_comes_from_a_lost_lease_counts_once(store, job_id):
    for _ in range(2):
        assert end(store, job_id) is JobState.SUCCESS
    assert store.commit(job_id, FAILED, lease=OTHER, fields=HOPS) is None
    figures = read(store)
    assert figures.ended == {("cpu", "success", "custom"): 1}
    assert [count(spread["cpu"]) for spread in (figures.waits, figures.runs, figures.wholes)] == [1, 1, 1]


def test_an_attempt_that_was_fenced_off_counts_nothing_and_the_sweepers_end_of_it_counts(store, job_id):
    claim(store, job_id)
    pass_time(store, 20)
    lost = TryAgain("gpuhigh", Tally(crashes=1), "worker_lost", "lost")
    assert store.commit(job_id, lost, lease=OWNER, by="sweeper") is JobState.RETRY
    # Its worker was only cut off, and comes back with a result.
    assert store.commit(job_id, DONE, lease=OWNER, fields=HOPS) is None
    figures = read(store)
    assert (figures.ended, figures.retries) == ({}, {("cpu", "worker_lost"): 1})
    assert (count(figures.waits["cpu"]), figures.runs) == (1, {})


def test_a_retry_is_counted_where_the_attempt_ran_and_the_end_where_the_job_ended(store, job_id):
    end(store, job_id, AGAIN)
    end(store, job_id, on="gpuhigh", lease=OTHER)
    figures = read(store)
    assert figures.retries == {("cpu", "signal"): 1}
    assert figures.ended == {("gpuhigh", "success", "custom"): 1}
    assert {name: count(spread) for name, spread in figures.runs.items()} == {"cpu": 1, "gpuhigh": 1}


def test_a_cancel_counts_once_whether_the_job_waits_or_runs(store):
    waits, runs = submit(store), submit(store)
    claim(store, runs)
    for _ in range(2):
        store.cancel(waits)
        store.cancel(runs)
    store.commit(runs, DONE, lease=OWNER, fields=HOPS)
    figures = read(store)
    assert figures.ended == {("cpu", "cancelled", "custom"): 2}
    # Nobody wants to know how long something took that was not wanted.
    assert figures.wholes == {}


def test_the_whole_time_is_from_submission_to_end_and_the_run_is_what_the_worker_saw(store, job_id):
    store.now_ms += 3000
    claim(store, job_id)
    store.now_ms += 60
    store.commit(job_id, DONE, lease=OWNER, fields=HOPS)
    figures = read(store)
    assert figures.waits["cpu"].seconds == pytest.approx(3.0)
    assert figures.runs["cpu"].seconds == pytest.approx(0.0245)
    assert figures.wholes["cpu"].seconds == pytest.approx(3.06)
    assert ("2", 0) in figures.wholes["cpu"].buckets
    assert ("5", 1) in figures.wholes["cpu"].buckets


def test_a_job_run_again_ends_twice_and_is_timed_from_its_submission_once(store, job_id):
    end(store, job_id)
    store.now_ms += 1_000_000
    store.run_again(job_id, queue="cpu")
    end(store, job_id, lease=OTHER)
    figures = read(store)
    assert figures.ended == {("cpu", "success", "custom"): 2}
    assert count(figures.wholes["cpu"]) == 1


def test_a_job_that_was_not_run_since_one_before_it_failed_counts_as_that(store, client, job_id):
    claim(store, job_id)
    first = started(store, client, job_id)
    started(store, client, job_id, needs="null", after=(first,))
    end(store, first, FAILED, lease=OTHER)
    assert read(store).ended == {("cpu", "script_error", "custom"): 1, ("cpu", "upstream_failed", "custom"): 1}


def test_a_job_that_waits_for_others_has_run_and_ends_when_it_is_settled(store, client, job_id):
    claim(store, job_id)
    child = started(store, client, job_id)
    awaits = list_of([result_of(child)])
    store.commit(job_id, Wait(awaits), lease=OWNER, fields=HOPS, wait_limit=60.0)
    assert (read(store).ended, read(store).awaiting, read(store).leases) == ({}, 1, 0)
    end(store, child, lease=OTHER)
    families = Families(store, client)
    for _ in range(2):
        families.settle(job_id, store.report(job_id).awaits or awaits, Finish(JobState.SUCCESS), fields={})
    assert read(store).ended == {("cpu", "success", "custom"): 2}
    assert count(read(store).runs["cpu"]) == 2


def test_a_queue_that_a_user_invents_has_no_figures_of_its_own_until_a_worker_listens_there(store):
    end(store, submit(store, queue="mine"), on="mine")
    submit(store, queue="mine")
    before = read(store)
    assert before.ended == {("other", "success", "custom"): 1}
    assert (before.unserved, "mine" in {line.name for line in before.queues}) == (1, False)
    Farm(store).announce(replace(HERE, queues=("mine",)))
    end(store, submit(store, queue="mine"), on="mine")
    after = read(store)
    assert after.ended == {("other", "success", "custom"): 1, ("mine", "success", "custom"): 1}
    assert (after.unserved, queue(store, "mine").waiting) == (0, 1)


def test_no_more_than_a_hundred_queues_have_figures_of_their_own(store, client):
    Farm(store).announce(replace(HERE, queues=tuple(f"q{number}" for number in range(300))))
    assert client.scard("ps:served") == 100
    assert len(read(store).queues) == 106


def test_the_known_queues_are_told_though_no_worker_was_ever_there(store, job_id):
    end(store, job_id, AGAIN)
    told = {line.name: (line.waiting, line.listeners) for line in read(store).queues}
    assert told == {"clean": (0, 0), "control": (0, 0), "cpu": (0, 0), "gpu": (0, 0), "gpuhigh": (1, 0), "zip": (0, 0)}


def test_the_oldest_of_a_queue_is_found_in_any_of_its_lines_and_counts_from_its_place_in_it(store):
    assert queue(store, "cpu").oldest is None
    submit(store, priority=9)
    store.now_ms += 1000
    submit(store)
    store.now_ms += 1000
    assert queue(store, "cpu").oldest == 2.0
    retried = submit(store, queue="gpu")
    store.now_ms += 5000
    end(store, retried, AGAIN, on="gpu")
    store.now_ms += 500
    assert queue(store, "gpuhigh").oldest == 0.5


def test_what_does_not_stand_in_line_is_told_as_what_it_is(store):
    delayed, parked, held = (submit(store) for _ in range(3))
    end(store, delayed, TryAgain("cpu", Tally(hindrances=1), "infrastructure", "full", delay=60.0))
    store.claim(held, queue="cpu", lease=OWNER, tokens=1)
    assert store.claim(parked, queue="cpu", lease=OTHER, tokens=1).verdict == "no_licence"
    figures = read(store)
    assert (figures.delayed, figures.parked, figures.leases, queue(store, "cpu").waiting) == (1, 1, 1, 0)
    assert (figures.seats_taken, figures.seats) == (1, 1)
    assert {state: count for state, count in figures.states.items() if count} == {
        "PENDING": 1,
        "RETRY": 1,
        "STARTED": 1,
    }


def test_how_many_seats_there_are_is_known_before_one_is_missing(store, job_id):
    assert read(store).seats is None
    store.claim(job_id, queue="cpu", lease=OWNER, tokens=3)
    assert (read(store).seats_taken, read(store).seats) == (1, 3)


def test_workers_are_told_by_what_they_listen_on(store):
    farm = Farm(store)
    farm.announce(HERE)
    farm.announce(replace(HERE, name="w2", busy=2, draining=True))
    farm.announce(replace(HERE, name="w3", queues=("zip",), slots=5, trouble="no room"))
    assert read(store).workers == (WorkerFigures("cpu,gpu", 2, 1, 0, 4, 2), WorkerFigures("zip", 1, 0, 1, 5, 0))
    assert (queue(store, "cpu").listeners, queue(store, "zip").listeners) == (2, 1)
    pass_time(store, 60)
    assert read(store).workers == ()


def commands(client, store):
    """How many commands one look makes the store do, those inside its script too."""
    client.config_resetstat()
    read(store)
    return sum(stat["calls"] for name, stat in client.info("commandstats").items() if "config" not in name)


def test_a_look_costs_the_same_however_many_jobs_there_are(store, client):
    for _ in range(5):
        submit(store)
    few = commands(client, store)
    for number in range(300):
        end(store, submit(store, name=f"job {number}"), lease=Lease(Fence(str(number)), "w"))
        submit(store, queue=f"invented-{number}")
        submit(store)
    assert commands(client, store) == few


def test_a_look_changes_nothing_but_the_clock(store, client, job_id):
    end(store, job_id)

    def everything():
        return {key: client.dump(key) for key in client.keys("ps:*") if key != "ps:clk"}

    before = everything()
    read(store)
    assert everything() == before


def test_what_comes_back_from_the_share_is_not_counted_a_second_time(store, client, job_id):
    end(store, job_id)
    record = client.hgetall(f"ps:job:{job_id}")
    counted = client.hgetall("ps:counts")
    client.delete(f"ps:job:{job_id}")
    assert store.run("restore", job_id, "cpu", *[text for pair in record.items() for text in pair]) == 1
    assert client.hgetall("ps:counts") == counted
