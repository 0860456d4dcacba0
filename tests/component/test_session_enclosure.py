"""The means of systems without /proc (macOS), at work here: a session, a mark and psutil hold a spawned child."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.worker.isolation.events import Exited, Froze, Message
from pixyz_scheduler.worker.isolation.session_enclosure import SessionEnclosure
from pixyz_scheduler.worker.isolation.spawn_slots import SpawnSlots
from tests.component.conftest import ENVIRONMENT

MIB = 1024
DAY = 86400.0

SCATTERS = """
import os, signal, subprocess, sys, time

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]

def main(pc, params):
    lock = os.open(pc.get_output_dir("lock"), os.O_CREAT | os.O_RDWR)
    os.set_inheritable(lock, True)
    import fcntl
    fcntl.flock(lock, fcntl.LOCK_SH)
    stopped = subprocess.Popen(SLEEP, close_fds=False)
    os.kill(stopped.pid, signal.SIGSTOP)
    subprocess.Popen(SLEEP, close_fds=False, start_new_session=True)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writing, b"x")
            os.execv(SLEEP[0], SLEEP)
        os._exit(0)
    os.read(reading, 1)
    pc.progress_next("scattered")
    {end}
"""


def session(*, mark, group):
    assert group is None
    return SessionEnclosure(mark)


@pytest.fixture
def slots():
    return SpawnSlots(ENVIRONMENT, enclosed=session)


def is_free(lock):
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@pytest.mark.parametrize(
    ("end", "options", "cause"),
    [
        ("return {'well': True}", {}, None),
        ("raise ValueError('on purpose')", {}, "script_error"),
        ("os.abort()", {}, "signal"),
        ("os._exit(3)", {}, "exit"),
        ("time.sleep(600)", {"time_limit": 3.0}, "timeout"),
        ("os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)", {}, "signal"),
        ("bytearray(1 << 30); time.sleep(600)", {}, "out_of_memory"),
    ],
)
def test_nothing_is_left_that_has_the_mark_and_how_it_ended_is_told(bench_of, slots, end, options, cause):
    bench = bench_of(slots, memory_gpuhigh=500 * MIB)
    report = bench.run(SCATTERS.replace("{end}", end), queue="gpuhigh", **options)
    assert (report.cause, [step.info for step in report.progress.steps]) == (cause, ["scattered"])
    assert is_free(bench.share.folder(report.job.id).outputs / "lock")


def test_a_peak_of_memory_is_told(bench_of, slots):
    report = bench_of(slots).run("def main(pc, params):\n    bytearray(200 << 20)\n")
    assert report.state is JobState.SUCCESS
    assert report.attempts[-1]["peak_memory"] > 200 * MIB


def is_stopped(process):
    return process.status() == psutil.STATUS_STOPPED


def test_a_tree_is_frozen_when_the_lease_is_not_heard_of_and_goes_on_when_it_is(tmp_path):
    script = tmp_path / "waits.py"
    script.write_text(
        "import subprocess, sys\n"
        "def main(pc, params):\n"
        "    helper = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "    pc.progress_next(str(helper.pid))\n"
        "    helper.communicate(b'x')\n"
    )
    request = {"type": "request", "context": {"script": str(script)}}
    slots = SpawnSlots(ENVIRONMENT, freeze=DAY, enclosed=session)
    with slots.child(request, since=time.monotonic) as child:
        child._enclosure.freeze(frozen=False)  # of what runs: well
        seen = []
        while not any(isinstance(event, Message) for event in seen):
            seen += child.events(None)
        child._last_tick -= 2 * DAY
        while Froze(frozen=True) not in seen:
            seen += child.events(None)
        tree = psutil.Process(child.pid).children(recursive=True)
        assert len(tree) == 2
        while not all(map(is_stopped, tree)):
            child._enclosure.freeze(frozen=True)  # as `events` does, again and again
        assert not is_stopped(psutil.Process(child.pid))  # it looks after the worker
        child.tick(time.monotonic())
        while not any(isinstance(event, Exited) for event in seen):
            seen += child.events(None)
    assert [event for event in seen if isinstance(event, Froze)] == [Froze(frozen=True), Froze(frozen=False)]
    assert seen[-1].exit_code == 0


WORKER = """
import sys, time
from tests.component.test_session_enclosure import ENVIRONMENT, session
from pixyz_scheduler.worker.isolation.events import Message
from pixyz_scheduler.worker.isolation.spawn_slots import SpawnSlots

request = {"type": "request", "context": {"script": sys.argv[1], "params": {}, "output_dir": sys.argv[2]}}
with SpawnSlots(ENVIRONMENT, enclosed=session).child(request, since=lambda: time.monotonic() + 3600) as child:
    while True:
        for event in child.events(None):
            if isinstance(event, Message) and event.content["type"] == "step":
                print("at work", flush=True)
"""


def test_a_job_does_not_outlive_its_worker(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCATTERS.replace("{end}", "time.sleep(600)"))
    command = [sys.executable, "-c", WORKER, str(script), str(tmp_path)]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"}
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, cwd=root)
    assert worker.stdout.readline() == b"at work\n"
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate()
    while not is_free(tmp_path / "lock"):
        threading.Event().wait(0.02)
