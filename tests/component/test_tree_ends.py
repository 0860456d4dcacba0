"""However an attempt ends, nothing that it started is there afterwards: a lock that all of it holds is free."""

import fcntl
import json
import threading
from pathlib import Path

import pytest

from pixyz_scheduler.jobs.outcome import Cancelled, Drained
from pixyz_scheduler.jobs.state import JobState

SCRIPT = (Path(__file__).parents[1] / "scripts" / "scatters.py").read_text()
MIB = 1024


def is_free(lock):
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def lock_of(bench, job_id):
    return bench.share.folder(job_id).outputs / "lock"


@pytest.mark.parametrize(
    ("end", "options", "cause"),
    [
        ("return", {}, None),
        ("raise", {}, "script_error"),
        ("abort", {}, "signal"),
        ("crash", {}, "signal"),
        ("exit", {}, "exit"),
        ("killed", {}, "signal"),
        ("memory", {}, "out_of_memory"),
        ("hang", {"time_limit": 4.0}, "timeout"),
        ("hang", {"no_progress_limit": 2.0}, "no_progress"),
    ],
)
def test_nothing_is_left_when_an_attempt_has_ended(bench_of, slots, end, options, cause):
    bench = bench_of(slots, memory_gpuhigh=700 * MIB)
    report = bench.run(SCRIPT, queue="gpuhigh", params=json.dumps({"end": end}), **options)
    assert (report.cause, [step.info for step in report.progress.steps]) == (cause, ["scattered"])
    assert is_free(lock_of(bench, report.job.id))


@pytest.mark.parametrize(
    ("end", "options", "cause"),
    [
        ("return", {}, None),
        ("killed", {}, "signal"),
        ("hang", {"time_limit": 4.0}, "timeout"),
        ("parent killed", {}, "signal"),
    ],
)
def test_nothing_is_left_where_the_kernel_gives_no_groups_either(bench_of, slots_without_groups, end, options, cause):
    bench = bench_of(slots_without_groups)
    report = bench.run(SCRIPT, queue="gpuhigh", params=json.dumps({"end": end}), **options)
    assert report.cause == cause
    while not is_free(lock_of(bench, report.job.id)):  # a killed parent's work is done by its own, in a moment
        threading.Event().wait(0.02)


@pytest.mark.parametrize(("reason", "state"), [(Cancelled(), JobState.REVOKED), (Drained(), JobState.RETRY)])
def test_nothing_is_left_when_an_attempt_was_stopped(bench, reason, state):
    job_id = bench.submit(SCRIPT, params=json.dumps({"end": "hang"}))
    thread = threading.Thread(target=bench.execution.run, args=(job_id,), kwargs={"queue": "cpu"})
    thread.start()
    while bench.records.report(job_id).state is not JobState.RUNNING:
        threading.Event().wait(0.02)
    assert not is_free(lock_of(bench, job_id))
    bench.execution.keeper.stop_all(reason)
    thread.join()
    assert bench.records.report(job_id).state is state
    assert is_free(lock_of(bench, job_id))


@pytest.mark.parametrize(("end", "cause"), [("parent killed", "signal"), ("parent stopped", None)])
def test_a_script_that_ends_or_stops_who_watches_it_leaves_nothing_either(bench, end, cause):
    report = bench.run(SCRIPT, queue="gpuhigh", params=json.dumps({"end": end}), time_limit=60.0)
    assert report.cause == cause
    lock = lock_of(bench, report.job.id)
    while not is_free(lock):  # those who watch the watchers do it in a moment
        threading.Event().wait(0.02)
