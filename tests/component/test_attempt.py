"""Attempts in real children, both ways of isolation, on a real store."""

import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pixyz_scheduler.errors import StoreUnavailable, Unavailable
from pixyz_scheduler.jobs.outcome import Drained
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.upkeep.sweeper import Sweeper
from pixyz_scheduler.worker.isolation.events import Exited, Froze
from pixyz_scheduler.worker.isolation.fork_slots import ForkSlots
from pixyz_scheduler.worker.isolation.spawn_slots import SpawnSlots
from pixyz_scheduler.worker.isolation.spawned import SpawnedChild
from pixyz_scheduler.worker.isolation.template import Template
from tests.component.conftest import ENVIRONMENT, NO_ENGINE

DAY = 86_400.0

HELLO = """
from pixyz_worker.script import *

@pixyz_schedule(queue="cpu")
def main(pc: ProgramContext, params):
    pc.progress_set_total(2)
    pc.progress_next("one")
    print("to the log")
    pc.progress_next("two")
    with open(pc.get_output_dir("out.txt"), "w") as file:
        file.write("done")
    return {"params": params, "id": pc["task_id"]}
"""


def test_a_job_runs_to_success_and_gives_back_everything(bench):
    report = bench.run(HELLO, params='{"a": [1, "ü"]}')
    assert (report.state, report.error, report.percent, report.retries) == (JobState.SUCCESS, None, 100, 0)
    assert json.loads(report.result) == {"params": {"a": [1, "ü"]}, "id": report.job.id}
    assert [step.info for step in report.progress.steps] == ["one", "two"]
    assert all(step.duration >= 0 for step in report.progress.steps)
    assert bench.log(report.job.id) == "to the log\n"
    assert (bench.share.folder(report.job.id).outputs / "out.txt").read_text() == "done"
    assert report.job.submitted <= report.started <= report.stopped
    assert [attempt["outcome"] for attempt in report.attempts] == ["success"]


def test_a_script_that_raises_fails_with_its_own_line_innermost_and_is_not_tried_again(bench):
    report = bench.run("def helper():\n    raise ValueError('no such part')\n\ndef main(pc, params):\n    helper()\n")
    assert (report.state, report.error, report.cause) == (JobState.FAILURE, "ValueError: no such part", "script_error")
    assert report.traceback.rstrip().endswith("ValueError: no such part")
    assert 'script.py", line 2, in helper' in report.traceback
    assert "pixyz_scheduler" not in report.traceback
    assert bench.bells.rung == []


@pytest.mark.parametrize(
    ("body", "cause", "error"),
    [
        ("import ctypes; ctypes.string_at(0)", "signal", "SIGSEGV"),
        ("import os; os.abort()", "signal", "SIGABRT"),
        ("import os; os._exit(3)", "exit", "exit status 3"),
        ("import sys; sys.exit(4)", "exit", "exit status 4"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal", "SIGKILL"),
    ],
)
def test_a_crash_costs_two_attempts_then_fails_with_what_happened(bench, body, cause, error):
    job_id = bench.submit(f"def main(pc, params):\n    {body}\n")
    bench.execution.run(job_id, queue="cpu")
    first = bench.records.report(job_id)
    assert (first.state, first.queue, first.cause) == (JobState.RETRY, "gpuhigh", cause)
    assert error in first.error
    assert [(bell.job_id, bell.queue) for bell in bench.bells.rung] == [(job_id, "gpuhigh")]
    bench.execution.run(job_id, queue="gpuhigh")
    last = bench.records.report(job_id)
    assert (last.state, last.retries, last.cause) == (JobState.FAILURE, 1, cause)
    assert [attempt["queue"] for attempt in last.attempts] == ["cpu", "gpuhigh"]


def test_a_crash_in_module_level_code_is_the_attempts_own(bench):
    report = bench.run("import os\nos._exit(5)\ndef main(pc, params): pass\n", queue="gpuhigh")
    assert (report.state, report.error) == (JobState.FAILURE, "Task process exited with error: exit status 5.")


@pytest.mark.parametrize("how", ["sys.exit()", "sys.exit(0)", "os._exit(0)"])
def test_leaving_with_status_0_and_no_result_says_so_and_is_not_tried_again(bench, how):
    report = bench.run(f"import os, sys\ndef main(pc, params):\n    {how}\n")
    assert report.state is JobState.FAILURE
    assert "before" in report.error


def test_a_time_limit_ends_the_whole_tree_and_the_retry_is_bounded_by_the_larger_limit(bench):
    source = """
import subprocess, sys, time
def main(pc, params):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    open(pc.get_output_dir("pid"), "w").write(str(child.pid))
    time.sleep(600)
"""
    job_id = bench.submit(source, time_limit=2.0)
    bench.execution.run(job_id, queue="cpu")
    report = bench.records.report(job_id)
    assert (report.state, report.queue, report.cause) == (JobState.RETRY, "gpuhigh", "timeout")
    assert report.error == "Task process timeout: it took longer than 2 s."
    pid = int((bench.share.folder(job_id).outputs / "pid").read_text())
    assert not _is_alive(pid)


def test_nothing_that_a_script_started_outlives_it(bench):
    source = """
import os, subprocess, sys, time
SLEEP = "import time; time.sleep(600)"
def main(pc, params):
    pids = [subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True).pid for _ in range(2)]
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write, str(os.getpid()).encode())
            os.execv(sys.executable, [sys.executable, "-c", SLEEP])
        os._exit(0)
    pids.append(int(os.read(read, 20)))
    return pids
"""
    report = bench.run(source)
    assert report.state is JobState.SUCCESS, report.error
    assert not any(_is_alive(pid) for pid in json.loads(report.result))


def test_a_script_that_ignores_every_signal_is_ended_all_the_same(bench):
    source = """
import signal
def main(pc, params):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True: pass
"""
    assert bench.run(source, queue="gpuhigh", time_limit=1.0).cause == "timeout"


def test_one_script_leaves_nothing_to_the_next(bench):
    bench.run(
        "import builtins, os\ndef main(pc, params):\n    builtins.leak = 1; os.environ['LEAK'] = '1'; os.chdir('/')\n"
    )
    look = "[hasattr(builtins, 'leak'), 'LEAK' in os.environ, os.getcwd()]"
    source = f"import builtins, os\ndef main(pc, params):\n    return {look}\n"
    leak, variable, folder = json.loads(bench.run(source).result)
    assert (leak, variable) == (False, False)
    assert folder != "/"


def test_a_cancelled_job_is_stopped_by_its_next_renewal(bench):
    job_id = bench.submit("import time\ndef main(pc, params):\n    pc.progress_next('on')\n    time.sleep(600)\n")
    thread = threading.Thread(target=bench.execution.run, args=(job_id,), kwargs={"queue": "cpu"})
    thread.start()
    while bench.records.report(job_id).state is not JobState.RUNNING:
        threading.Event().wait(0.02)
    assert bench.records.cancel(job_id) == "cancelling"
    thread.join()
    assert bench.records.report(job_id).state is JobState.REVOKED


def test_a_drained_job_goes_back_to_its_queue_uncharged(bench):
    job_id = bench.submit("import time\ndef main(pc, params):\n    pc.progress_next('on')\n    time.sleep(600)\n")
    thread = threading.Thread(target=bench.execution.run, args=(job_id,), kwargs={"queue": "cpu"})
    thread.start()
    while bench.records.report(job_id).state is not JobState.RUNNING:
        threading.Event().wait(0.02)
    bench.execution.keeper.stop_all(Drained())
    thread.join()
    report = bench.records.report(job_id)
    assert (report.state, report.queue, report.retries) == (JobState.RETRY, "cpu", 0)


def test_a_job_over_its_memory_is_ended_and_goes_to_gpuhigh_once(bench_of, slots):
    bench = bench_of(slots, memory=200 * 1024)
    report = bench.run("import time\ndef main(pc, params):\n    x = bytearray(400 << 20)\n    time.sleep(60)\n")
    assert (report.state, report.queue, report.cause) == (JobState.RETRY, "gpuhigh", "out_of_memory")
    assert "200 MiB allowed" in report.error


def test_a_script_sees_no_secret(bench, monkeypatch):
    monkeypatch.setenv("REDIS_PASSWORD", "hush-hush")
    source = "import os\ndef main(pc, params):\n    return [name for name in os.environ if 'PASS' in name]\n"
    assert json.loads(bench.run(source).result) == []


def test_a_large_result_and_many_steps_come_back_whole(bench):
    source = """
def main(pc, params):
    pc.progress_set_total(3000)
    for n in range(3000):
        pc.progress_next(str(n))
    return "x" * 1_000_000
"""
    report = bench.run(source)
    assert len(json.loads(report.result)) == 1_000_000
    assert len(report.progress.steps) == 3000


def test_a_doorbell_of_a_job_that_has_ended_gives_its_report_again(bench):
    job_id = bench.submit(HELLO)
    first = bench.execution.run(job_id, queue="cpu")
    assert first.state is JobState.SUCCESS
    again = bench.execution.run(job_id, queue="cpu")
    assert again == bench.records.report(job_id)
    assert (again.state, again.epoch, again.progress) == (first.state, first.epoch, first.progress)


def test_the_kernel_would_end_a_job_before_its_worker(bench):
    source = "def main(pc, params):\n    return int(open('/proc/self/oom_score_adj').read())\n"
    ours = int(Path("/proc/self/oom_score_adj").read_text())
    assert json.loads(bench.run(source).result) > ours


def test_a_script_that_kills_its_warden_harms_itself_only(fork_bench):
    report = fork_bench.run(
        "import os, signal\ndef main(pc, params):\n    os.kill(os.getppid(), signal.SIGKILL)\n    while True: pass\n",
        queue="gpuhigh",
    )
    assert (report.state, report.cause) == (JobState.FAILURE, "signal")
    assert fork_bench.run(HELLO).state is JobState.SUCCESS


def stops(process):
    """Whether it comes to stand still: it does so a moment after the signal was sent, on its own processor."""
    give_up = time.monotonic() + 10
    while process.status() != psutil.STATUS_STOPPED and time.monotonic() < give_up:
        os.sched_yield()
    return process.status() == psutil.STATUS_STOPPED


def at_work(child):
    """The processes of the script: a spawned child has a keeper above it."""
    process = psutil.Process(child.pid)
    return process.children(recursive=True) if isinstance(child, SpawnedChild) else [process]


@pytest.fixture(params=["fork", "spawn"])
def patient_slots(request):
    """Their freeze is a day: what is frozen there is so for no other reason than what it was told."""
    if request.param == "spawn":
        yield SpawnSlots(ENVIRONMENT, freeze=DAY)
        return
    with Template(engine=NO_ENGINE, environment=ENVIRONMENT, freeze=DAY) as template:
        slots = ForkSlots(template, ahead=1)
        yield slots
        slots.close()


def test_a_freeze_counts_from_when_the_lease_was_asked_for_and_not_from_when_the_answer_came(patient_slots, tmp_path):
    script = tmp_path / "ends.py"
    script.write_text("import time\ndef main(pc, params):\n    time.sleep(0.2)\n")
    request = {"type": "request", "context": {"script": str(script)}}
    with patient_slots.child(request, since=lambda: time.monotonic() - 2 * DAY) as child:
        seen = []
        while Froze(frozen=True) not in seen:
            seen += child.events(None)
        child.tick(time.monotonic() - 1.5 * DAY)  # an answer to what was asked too long ago
        assert list(child.events(0.5)) == []
        child.tick(time.monotonic() - 0.5 * DAY)
        while not any(isinstance(event, Exited) for event in seen):
            seen += child.events(None)
    assert [event for event in seen if isinstance(event, Froze)] == [Froze(frozen=True), Froze(frozen=False)]
    assert seen[-1].exit_code == 0


class FirstClaimUnanswered:
    """Records whose first claim gets no answer."""

    def __init__(self, records):
        self._records = records
        self.asked = []

    def __getattr__(self, name):
        return getattr(self._records, name)

    def claim(self, *arguments, **more):
        self.asked.append(time.monotonic())
        if len(self.asked) == 1:
            raise StoreUnavailable("no answer")
        return self._records.claim(*arguments, **more)


def test_a_lease_counts_from_when_the_claim_that_was_granted_was_asked_for(fork_bench):
    records = FirstClaimUnanswered(fork_bench.records)
    told = []

    def start(_report, _tell, since):
        told.append(since)
        raise Unavailable("enough is known")

    replace(fork_bench.execution, records=records, start=start).run(fork_bench.submit(HELLO), queue="cpu")
    first, second = records.asked
    (since,) = told
    assert first < since <= second


def test_a_job_whose_worker_is_silent_is_frozen_and_goes_on_at_the_next_tick(slots, tmp_path):
    door = tmp_path / "door"
    script = tmp_path / "waits.py"
    script.write_text(
        f"import os, time\ndef main(pc, params):\n    while not os.path.exists({str(door)!r}): time.sleep(0.01)\n"
    )
    frozen = False
    with slots.child({"type": "request", "context": {"script": str(script)}}, since=time.monotonic) as child:
        seen = []
        while not any(isinstance(event, Exited) for event in seen):
            for event in child.events(None):
                seen.append(event)
                if event == Froze(frozen=True):
                    frozen = all(map(stops, at_work(child)))
                    door.touch()
                    child.tick(time.monotonic())
    assert frozen
    assert Froze(frozen=False) in seen
    assert seen[-1].exit_code == 0


@pytest.mark.forks("it has a template")
def test_the_zygote_may_die_between_two_jobs(fork_bench, template):
    assert fork_bench.run(HELLO).state is JobState.SUCCESS
    template._process.kill()
    template._process.wait()
    slot = template.slot()
    slot.close()
    assert fork_bench.run(HELLO).state is JobState.SUCCESS


def _is_alive(pid):
    """A zombie that nobody has collected yet is dead."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class StoodStill:
    """Records of a worker that stands still between its claim and the answer."""

    def __init__(self, records, *, meanwhile):
        self._records = records
        self._meanwhile = meanwhile

    def __getattr__(self, name):
        return getattr(self._records, name)

    def claim(self, job_id, **more):
        answer = self._records.claim(job_id, **more)
        self._meanwhile(job_id)
        return answer


def after_a_long_pause(execution):
    """The execution, whose attempts count from long ago."""
    return replace(execution, start=lambda report, tell, since: execution.start(report, tell, since - PACE.freeze))


def test_no_child_begins_on_a_lease_that_was_lost_while_its_worker_stood_still(bench, tmp_path):
    trace = tmp_path / "trace"
    job_id = bench.submit(f"def main(pc, params):\n    open({str(trace)!r}, 'w')\n")

    def lose(_):
        bench.records.now_ms = 1_000_000
        for _ in range(9):
            bench.records.now_ms += 1000
            bench.records.sweep()
        Sweeper(bench.records, bench.bells, bench.aftermath).sweep()

    records = StoodStill(bench.records, meanwhile=lose)
    stale = after_a_long_pause(replace(bench.execution, records=records))
    assert stale.run(job_id, queue="cpu") is None
    assert not trace.exists()
    assert bench.records.report(job_id).state is JobState.RETRY


def test_a_child_begins_once_a_lease_that_had_grown_old_is_renewed(bench):
    job_id = bench.submit(HELLO)
    report = after_a_long_pause(bench.execution).run(job_id, queue="cpu")
    assert (report.state, report.epoch) == (JobState.SUCCESS, 1)


def test_a_job_that_is_cancelled_while_its_worker_stands_still_never_begins(bench, tmp_path):
    trace = tmp_path / "trace"
    job_id = bench.submit(f"def main(pc, params):\n    open({str(trace)!r}, 'w')\n")
    records = StoodStill(bench.records, meanwhile=bench.records.cancel)
    report = after_a_long_pause(replace(bench.execution, records=records)).run(job_id, queue="cpu")
    assert report.state is JobState.REVOKED
    assert not trace.exists()
