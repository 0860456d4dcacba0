"""Starts processes that do what they can to be forgotten, all with a shared lock in hand, then ends as it is told."""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def main(pc, params):
    lock = os.open(pc.get_output_dir("lock"), os.O_CREAT | os.O_RDWR)
    os.set_inheritable(lock, True)
    fcntl.flock(lock, fcntl.LOCK_SH)
    helper = subprocess.Popen(SLEEP, close_fds=False)
    os.kill(helper.pid, signal.SIGSTOP)
    subprocess.Popen(SLEEP, close_fds=False, start_new_session=True, env={})
    twice(daemon)
    twice(deaf)
    twice(runner)
    twice(bomb)
    pc.progress_next("scattered")
    end(params["end"])


def twice(work):
    """In a process that is nobody's child."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writing, b"x")
            work()
        os._exit(0)
    os.read(reading, 1)


def daemon():
    os.execve(SLEEP[0], SLEEP, {})


def deaf():
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(60)


def runner():
    """Never the same process for long."""
    while True:
        if os.fork():
            os._exit(0)
        time.sleep(0.001)


def bomb():
    """Forty at most, each forking what forks no more."""
    for _ in range(5):
        os.fork()
    while True:
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        time.sleep(0.002)


def end(how):
    if how == "raise":
        raise ValueError("on purpose")
    if how == "abort":
        os.abort()
    if how == "crash":
        ctypes.string_at(0)
    if how == "exit":
        os._exit(3)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "memory":
        bytearray(2000 << 20)
    if how == "parent killed":
        os.kill(os.getppid(), signal.SIGKILL)
    if how == "parent stopped":
        os.kill(os.getppid(), signal.SIGSTOP)
        return
    if how != "return":
        time.sleep(600)
