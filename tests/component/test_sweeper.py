"""The sweeper, on a real store: what nobody else will do."""

import time
from dataclasses import replace

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.outcome import Lost
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.upkeep.sweeper import Sweeper
from pixyz_scheduler.worker.lease_keeper import Held

SLEEPY = "def main(pc, params):\n    return 1\n"


def lose(bench, job_id, queue="cpu"):
    """A worker claims the job and is never heard of again."""
    bench.records.now_ms = 1_000_000
    bench.records.claim(job_id, queue=queue, lease=Lease(Fence(f"gone {queue}"), "w-gone"))
    for _ in range(8):
        bench.records.now_ms += 1000
        bench.records.sweep()


def test_a_job_whose_worker_was_lost_goes_once_more_to_the_fallback_and_its_bell_is_rung(fork_bench):
    job_id = fork_bench.submit(SLEEPY)
    lose(fork_bench, job_id)
    Sweeper(fork_bench.records, fork_bench.bells, fork_bench.aftermath).sweep()
    report = fork_bench.records.report(job_id)
    assert (report.state, report.queue, report.cause) == (JobState.RETRY, "gpuhigh", "worker_lost")
    assert "w-gone" in report.error
    assert [(bell.job_id, bell.queue) for bell in fork_bench.bells.rung] == [(job_id, "gpuhigh")]
    assert report.attempts[0]["worker"] == "w-gone"


def test_a_job_lost_twice_has_failed_and_says_why(fork_bench):
    job_id = fork_bench.submit(SLEEPY)
    sweeper = Sweeper(fork_bench.records, fork_bench.bells, fork_bench.aftermath)
    for queue in ("cpu", "gpuhigh"):
        lose(fork_bench, job_id, queue)
        sweeper.sweep()
    report = fork_bench.records.report(job_id)
    assert (report.state, report.cause, report.retries) == (JobState.FAILURE, "worker_lost", 1)
    assert len(report.attempts) == 2


def test_a_store_that_is_away_ends_no_sweeper(tmp_path, fork_bench):
    sweeper = Sweeper(RecordStore(connect(f"unix://{tmp_path}/nobody.sock")), fork_bench.bells, fork_bench.aftermath)
    sweeper._try()
    assert fork_bench.bells.rung == []


def test_a_record_that_nobody_can_read_keeps_no_other_from_its_end(fork_bench, store_url):
    poison, lost, unheard = (fork_bench.submit(SLEEPY) for _ in range(3))
    client = connect(store_url)
    for job_id in (poison, lost):
        fork_bench.records.now_ms = 1_000_000
        fork_bench.records.claim(job_id, queue="cpu", lease=Lease(Fence(job_id), "w-gone"))
    client.hset(f"ps:job:{poison}", "options", "no JSON")
    patient = RecordStore(client, pace=replace(PACE, ring=1000.0))
    for seconds in range(1, 9):
        patient.now_ms = fork_bench.records.now_ms = 1_000_000 + 1000 * seconds
        patient.sweep()
    Sweeper(fork_bench.records, fork_bench.bells, fork_bench.aftermath).sweep()
    assert fork_bench.records.report(lost).state is JobState.RETRY
    assert {bell.job_id for bell in fork_bench.bells.rung} == {lost, unheard}
    client.close()


def test_nothing_that_the_store_answers_ends_a_sweeper(fork_bench, store_url):
    client = connect(store_url)
    client.set("ps:leases", "not ours")
    Sweeper(fork_bench.records, fork_bench.bells, fork_bench.aftermath)._try()
    client.delete("ps:leases")
    client.close()


def test_nothing_that_the_store_answers_ends_the_renewals(fork_bench, store_url):
    job_id = fork_bench.submit(SLEEPY)
    lease = Lease(Fence("mine"), "w1")
    fork_bench.records.claim(job_id, queue="cpu", lease=lease)
    client = connect(store_url)
    client.delete("ps:leases")
    client.set("ps:leases", "not ours")
    ticks = []
    held = Held(job_id, lease, tick=ticks.append, stop=ticks.append)
    fork_bench.execution.keeper._renew(held)
    assert ticks == []
    client.delete("ps:leases")
    before = time.monotonic()
    fork_bench.execution.keeper._renew(held)
    # The moment that it was asked.
    assert [before <= tick <= time.monotonic() for tick in ticks] == [True]
    client.close()


def test_a_worker_that_has_lost_its_lease_is_told_to_stop(fork_bench):
    job_id = fork_bench.submit(SLEEPY)
    lose(fork_bench, job_id)
    Sweeper(fork_bench.records, fork_bench.bells, fork_bench.aftermath).sweep()
    told = []
    fork_bench.execution.keeper._renew(
        Held(job_id, Lease(Fence("gone cpu"), "w-gone"), tick=lambda _: told.clear(), stop=told.append)
    )
    assert told == [Lost("w-gone")]
