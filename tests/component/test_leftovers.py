"""What the jobs of a dead worker have left is killed by the next one; what belongs to a living one is not touched."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from pixyz_scheduler.worker.isolation import leftovers
from pixyz_scheduler.worker.isolation.census import census
from pixyz_scheduler.worker.isolation.leftovers import MARK, kill_leftovers, worker_token

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")

TESTS = Path(__file__).parents[1]
SCRIPT = TESTS / "scripts" / "scatters.py"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(TESTS.parent / "src"), "HOME": "/tmp"}
SLEEP = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"]


class FakeWorker:
    """A worker's parts in a process of their own, at work on a script that scatters processes with a lock."""

    def __init__(self, isolation, folder):
        folder.mkdir()
        self.lock = folder / "lock"
        command = [sys.executable, str(TESTS / "fakes" / "worker_parts.py"), isolation, str(SCRIPT), str(folder)]
        self.process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, start_new_session=True)
        assert self.process.stdout.readline() == b"at work\n"

    def kill_with_all_that_watch(self):
        """Worker, template and wardens (or keeper), in one moment: the first to die must not be noticed."""
        me = psutil.Process(self.process.pid)
        watchers = [me, *me.children()]
        for template in me.children():
            if any("zygote" in word for word in template.cmdline()):
                watchers += template.children()
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in watchers:
                os.kill(process.pid, number)
        self.process.communicate()

    def end(self):
        self.process.kill()
        self.process.communicate()

    def is_free(self):
        with self.lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_leftovers_of_a_dead_worker_are_killed_and_those_of_a_living_one_are_not(isolation, tmp_path):
    dead, living = FakeWorker(isolation, tmp_path / "dead"), FakeWorker(isolation, tmp_path / "living")
    try:
        dead.kill_with_all_that_watch()
        assert not dead.is_free()
        assert kill_leftovers()
        while not dead.is_free():  # killed, and gone in a moment
            threading.Event().wait(0.01)
        kill_leftovers()
        assert not living.is_free()
    finally:
        living.end()
    while not living.is_free():  # whoever watches sees that its worker has gone
        threading.Event().wait(0.01)


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_job_does_not_outlive_its_worker(isolation, tmp_path):
    worker = FakeWorker(isolation, tmp_path / "job")
    worker.end()
    while not worker.is_free():
        threading.Event().wait(0.01)


@pytest.fixture
def marked():
    """Starts a process with a token; is killed with the test."""
    started = []

    def start(token):
        process = subprocess.Popen(SLEEP, env={MARK: token}, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"up\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_pid_that_another_process_has_now_is_not_the_worker(marked):
    namespace, pid, started = worker_token().split("-")
    left = marked(f"{namespace}-{pid}-{int(started) + 1}")
    assert left.pid in kill_leftovers()
    assert left.wait() == -signal.SIGKILL


@pytest.mark.parametrize("token", ["", "x", "1-2", "a-b-c", "{}-12-"])
def test_what_is_no_token_is_left_alone(marked, token):
    process = marked(token.format(leftovers._namespace()))
    assert process.pid not in kill_leftovers()
    assert process.poll() is None


def test_a_token_of_another_pid_namespace_is_left_alone(marked):
    namespace = int(leftovers._namespace()) + 1
    process = marked(f"{namespace}-{dead_pid()}-1")
    assert process.pid not in kill_leftovers()
    assert process.poll() is None


def test_a_worker_that_is_dead_and_not_buried_is_dead(marked):
    process = subprocess.Popen(SLEEP, stdout=subprocess.PIPE)
    process.stdout.readline()
    token = f"{leftovers._namespace()}-{process.pid}-{census().started(process.pid)}"
    left = marked(token)
    assert left.pid not in kill_leftovers()
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert left.pid in kill_leftovers()
    assert left.wait() == -signal.SIGKILL
    process.communicate()


HIDDEN = """
import sys
from pixyz_scheduler.worker.isolation.leftovers import kill_leftovers

print(sorted(kill_leftovers()))
"""
WORKER = """
import sys
from pixyz_scheduler.process_memory import hide_memory
from pixyz_scheduler.worker.isolation.leftovers import worker_token

hide_memory()
print(worker_token(), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, and setpriv, to mount /proc")
def test_a_worker_that_proc_hides_from_its_neighbour_is_not_taken_for_dead():
    """With /proc mounted with hidepid, or a unit with ProtectProc, who hides its memory is not to be seen there."""
    # As a user who may look into no other's processes; each of them is one of these.
    plain = ["setpriv", "--regid=1001", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    worker = subprocess.Popen(
        [*plain, sys.executable, "-c", WORKER], env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    token = worker.stdout.readline().decode().strip()
    job = subprocess.Popen([*plain, *SLEEP], env={**ENVIRONMENT, MARK: token}, stdout=subprocess.PIPE)
    assert job.stdout.readline() == b"up\n"

    def neighbour():
        hidden = ["unshare", "--mount", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"]
        command = [*hidden, *plain, sys.executable, "-c", HIDDEN]
        return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout

    try:
        assert str(job.pid) not in neighbour()
        assert job.poll() is None
        worker.communicate()
        # And now that it is dead, it is.
        assert str(job.pid) in neighbour()
    finally:
        for process in (worker, job):
            process.kill()
            process.communicate()
