"""The hops of real attempts: in the record, and counted for the whole farm."""

from pixyz_scheduler.broker.farm_figures import FarmFigures
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.hops import HOPS
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.outcome import Lost
from pixyz_scheduler.jobs.queues import queue_named
from pixyz_scheduler.jobs.retry import decide

QUIET = "def main(pc, params):\n    return 1\n"
CRASHES = "import os\ndef main(pc, params):\n    os.kill(os.getpid(), 9)\n"


def counted(client):
    return {hop: spread.buckets[-1][1] for hop, spread in FarmFigures.read(RecordStore(client)).hops.items()}


def test_a_job_that_ended_tells_all_its_hops_and_the_farm_counts_them(bench_of, slots, client):
    bench = bench_of(slots)
    report = bench.run(QUIET)
    assert set(report.hops) == set(HOPS)
    assert all(seconds >= 0 for seconds in report.hops.values())
    assert counted(client) == dict.fromkeys(HOPS, 1)
    sums = {hop: spread.seconds for hop, spread in FarmFigures.read(RecordStore(client)).hops.items()}
    assert sums == {hop: round(seconds, 6) for hop, seconds in report.hops.items()}


def test_an_attempt_that_crashed_keeps_its_hops_in_the_history_of_the_next(bench_of, fork_slots, client):
    bench = bench_of(fork_slots)
    job_id = bench.submit(CRASHES, queue="cpu")
    bench.execution.run(job_id, queue="cpu")
    crashed = bench.records.report(job_id).hops
    assert set(crashed) == {"waited", "left", "committed"}
    bench.execution.run(job_id, queue="gpuhigh")
    first, second = bench.records.report(job_id).attempts
    assert first["timings"] == crashed
    assert "timings" not in second
    assert counted(client) == {"waited": 2, "began": 0, "ran": 0, "left": 2, "committed": 2}


def test_of_an_attempt_whose_worker_was_lost_only_its_wait_is_known(bench_of, fork_slots):
    bench = bench_of(fork_slots)
    job_id: JobId = bench.submit(QUIET)
    lease = Lease(Fence("f"), "gone", ttl=0.0)
    report = bench.records.claim(job_id, queue="cpu", lease=lease).report
    decision = decide(Lost("gone"), tally=report.tally, queue=queue_named("cpu"))
    assert bench.records.commit(job_id, decision, lease=lease, by="sweeper") is not None
    assert set(bench.records.report(job_id).hops) == {"waited"}


def test_a_commit_that_is_asked_for_twice_is_counted_once(bench_of, fork_slots, client):
    bench = bench_of(fork_slots)
    job_id = bench.submit(QUIET)
    lease = Lease(Fence("f"), "worker")
    report = bench.records.claim(job_id, queue="cpu", lease=lease).report
    decision = decide(Lost("worker"), tally=report.tally, queue=queue_named("cpu"))
    for _ in range(2):
        bench.records.commit(job_id, decision, lease=lease, fields={"hops": "1 2 3"})
    assert counted(client) == dict.fromkeys(HOPS, 1)
