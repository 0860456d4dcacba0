"""The watcher: whoever runs a farm may be killed, its stopped members are not left behind."""

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.chaos.watcher import with_mark
from tests.conftest import missing

RUN = """
import os, signal, subprocess, sys, time
from tests.chaos.watcher import Watcher
name, _, value = sys.argv[1].partition("=")
with Watcher(sys.argv[1]):
    member = subprocess.Popen(["sleep", "600"], env={**os.environ, name: value}, start_new_session=True)
    member.send_signal(signal.SIGSTOP)
    print(member.pid, flush=True)
    time.sleep(600)
"""


def test_a_stopped_member_of_a_killed_run_is_killed():
    if sys.platform != "linux":
        missing("Linux: other processes' environment is read")
    mark = f"CHAOS_TEST={secrets.token_hex(8)}"
    run = subprocess.Popen([sys.executable, "-c", RUN, mark], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)
    assert run.stdout
    member = psutil.Process(int(run.stdout.readline()))
    while member.status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    assert with_mark(mark) == [member]
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    while with_mark(mark):
        time.sleep(0.05)
