"""Attempts in the worker's own process: what works as ever, and what is put right afterwards."""

import builtins
import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.engine.sdk import JobSession, job_session
from pixyz_scheduler.jobs.outcome import Drained
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.worker.isolation.in_process import InProcessSlots

STUB = Path(__file__).parents[1] / "fakes" / "pxz_stub"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "SEEN": "by scripts"}
WAITING = """
import os, time
def main(pc, params):
    open(pc.get_output_dir("here"), "w").close()
    {how}
"""


@pytest.fixture
def slots():
    return InProcessSlots(JobSession(None), ENVIRONMENT)


@pytest.fixture
def bench(bench_of, slots):
    return bench_of(slots)


def start(bench, source, **options):
    """A job at work in a thread, as in a slot; the thread, and the job's id."""
    job_id = bench.submit(source, **options)
    thread = threading.Thread(target=bench.execution.run, args=(job_id,), kwargs={"queue": "cpu"})
    thread.start()
    while not (bench.share.folder(job_id).outputs / "here").exists():
        time.sleep(0.01)
    return thread, job_id


def test_a_script_runs_in_this_process_with_all_that_it_has_elsewhere(bench, capfd):
    source = """
import os, sys
def main(pc, params):
    pc.progress_set_total(1)
    pc.progress_next("one")
    print("to the log", file=sys.stderr)
    open("local", "w").close()
    return [os.getpid(), params, os.environ.get("SEEN"), __name__, sys.modules["__main__"].__file__ == __file__]
"""
    before = Path.cwd(), dict(os.environ), list(sys.path), sys.argv, sys.modules["__main__"], sys.stdout
    report = bench.run(source, params='{"a": "ü"}')
    assert (report.state, report.error, report.percent) == (JobState.SUCCESS, None, 100), report.traceback
    assert json.loads(report.result) == [os.getpid(), {"a": "ü"}, "by scripts", "script", True]
    assert bench.log(report.job.id) == "to the log\n"
    assert "to the log" in capfd.readouterr().err
    assert [step.info for step in report.progress.steps] == ["one"]
    assert before == (Path.cwd(), dict(os.environ), list(sys.path), sys.argv, sys.modules["__main__"], sys.stdout)


def test_a_script_starts_sub_tasks_as_jobs_of_their_own(bench):
    source = """
from pixyz_worker.script import *
def main(pc, params):
    return pc.clone(entrypoint="child", compute_only=True, raw=True).execute({"n": 7}).id
def child(pc, params):
    return params["n"]
"""
    report = bench.run(source)
    assert report.state is JobState.SUCCESS, report.traceback
    child = bench.records.report(json.loads(report.result))
    assert (child.state, child.job.parent) == (JobState.SENT, report.job.id)
    bench.execution.run(child.job.id, queue=child.queue)
    assert json.loads(bench.records.report(child.job.id).result) == 7


def test_each_script_is_loaded_anew_with_what_lies_beside_it(bench):
    for number in (1, 2):
        report = bench.run(f"NUMBER = {number}\ndef main(pc, params): return NUMBER\n")
        assert report.result == str(number)
    assert "script" not in sys.modules


def test_a_script_that_raises_or_leaves_ends_its_job_and_not_the_worker(bench):
    raised = bench.run("def main(pc, params): raise ValueError('no such part')\n")
    assert (raised.state, raised.error) == (JobState.FAILURE, "ValueError: no such part")
    assert 'script.py", line 1, in main' in raised.traceback
    left = bench.run("import sys\ndef main(pc, params): sys.exit(4)\n", queue="gpuhigh")
    assert (left.state, left.error) == (JobState.FAILURE, "Task process exited with error: exit status 4.")
    assert bench.run("def main(pc, params): return 1\n").state is JobState.SUCCESS


def test_neither_a_time_limit_nor_one_of_memory_ends_it(bench_of, slots, tmp_path):
    bench = bench_of(slots, memory=1)
    source = WAITING.format(how="while not os.path.exists(params['gate']): time.sleep(0.01)\n    return 'all the time'")
    gate = tmp_path / "gate"
    job_id = bench.submit(source, time_limit=0.01, no_progress_limit=0.01, params=json.dumps({"gate": str(gate)}))
    thread = threading.Thread(target=bench.execution.run, args=(job_id,), kwargs={"queue": "cpu"})
    thread.start()
    while bench.records.report(job_id).state is JobState.SENT or time.time() < bench.records.report(job_id).started + 1:
        time.sleep(0.05)
    assert thread.is_alive()
    gate.touch()
    thread.join()
    assert bench.records.report(job_id).result == '"all the time"'


def test_a_cancel_is_raised_between_two_lines(bench):
    thread, job_id = start(bench, WAITING.format(how="while True: time.sleep(0.01)"))
    bench.records.cancel(job_id)
    thread.join()
    assert bench.records.report(job_id).state is JobState.REVOKED
    assert bench.run("def main(pc, params): return 1\n").state is JobState.SUCCESS


def test_what_waits_in_c_is_given_up_and_nothing_else_begins_until_it_ends(bench, tmp_path):
    gate, passed = tmp_path / "gate", tmp_path / "passed"
    os.mkfifo(gate)
    source = WAITING.format(how=f"open({str(gate)!r}).read()\n    open({str(passed)!r}, 'w')")
    thread, job_id = start(bench, source)
    bench.execution.keeper.stop_all(Drained())
    thread.join()
    assert bench.records.report(job_id).state is JobState.RETRY
    bench.execution.keeper._stopping = None
    other = bench.run("def main(pc, params): return 1\n")
    assert (other.state, other.cause) == (JobState.RETRY, "infrastructure")
    assert "still runs in the process of this worker" in other.error
    gate.write_text("")
    while bench.run("def main(pc, params): return 1\n").state is not JobState.SUCCESS:
        time.sleep(0.05)
    assert not passed.exists()


def test_a_breakpoint_without_a_terminal_is_passed_by(bench, monkeypatch):
    monkeypatch.setattr("pixyz_scheduler.worker.isolation.terminal.device", lambda: None)
    report = bench.run("def main(pc, params):\n    breakpoint()\n    return 1\n")
    assert report.result == "1"
    assert "passed by" in bench.log(report.job.id)


def test_what_a_script_does_to_builtins_stays(bench):
    """Said in the documentation: nothing is isolated."""
    bench.run("import builtins\ndef main(pc, params): builtins.left_by_a_script = 1\n")
    assert builtins.left_by_a_script == 1
    del builtins.left_by_a_script


def test_the_sdks_session_is_clean_for_each_job(bench_of, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    session = job_session(EngineChoice(sdk=STUB))
    session.hold()
    slots = InProcessSlots(session, ENVIRONMENT)
    bench = bench_of(slots)
    source = "import pxz\ndef main(pc, params): return [call[0] for call in pxz.calls]\n"
    assert json.loads(bench.run(source).result) == ["initialize", "core.checkLicense", "core.resetSession"]
    assert json.loads(bench.run(source).result)[3:] == ["core.resetSession"]
    slots.close()
    assert sys.modules["pxz"].calls[-1] == ("release",)
    for name in ("pxz", "pixyz_scheduler.engine.session"):
        del sys.modules[name]
