"""Beacons: what the scripts of the load do, and the lines that each attempt writes while it lives.

One file an attempt, outside the share, `<job>.<attempt>`: `monotonic word pid` a line. The monotonic clock is the
machine's, so that the lines of two attempts tell exactly which came first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SCRIPT = '''
import os
import secrets
import signal
import time


def main(pc, params):
    attempt = secrets.token_hex(6)
    folder = params["beacons"]
    file = os.open(f"{folder}/{pc['task_id']}.{attempt}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    alive = f"{params['alive']}/{os.getpid()}"
    beat(file, "BEGIN")
    with open(alive + ".new", "w") as mark:
        mark.write(pc["task_id"])
    os.rename(alive + ".new", alive)
    if params["bytes"] and os.path.getsize(pc["input_file"]) != params["bytes"]:
        raise RuntimeError("half an input")
    if params["kind"] == "daemon":
        leave_a_daemon(file)
    if params["kind"] == "print":
        print("a line of many\\n" * 5000, flush=True)
    pc.progress_set_total(2)
    pc.progress_next("at work")
    hoard = b"x" * params.get("hoard", 0)
    ends = time.monotonic() + params["seconds"]
    while time.monotonic() < ends:
        beat(file, "BEAT")
        time.sleep(params["beat"])
    if params["kind"] == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(60)
    if params["kind"] == "exit":
        os._exit(3)
    if params["kind"] == "raise":
        raise RuntimeError("as planned")
    with open(pc.get_output_dir("out.txt"), "w") as out:
        out.write(attempt * 500)
    pc.progress_next(f"done with {len(hoard)} bytes")
    beat(file, "END")
    os.unlink(alive)
    return {"attempt": attempt}


def beat(file, word):
    os.write(file, f"{time.monotonic():.6f} {word} {os.getpid()}\\n".encode())


def leave_a_daemon(file):
    """A grandchild in a session of its own, whose parent goes at once."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for _ in range(3000):
        beat(file, "DAEMON")
        time.sleep(0.05)
    os._exit(0)
'''


@dataclass(frozen=True)
class Beats:
    """What one attempt wrote.

    Attributes:
        job_id: whose.
        attempt: its own random name, which it also returns.
        first: monotonic seconds of its first line.
        last: of its last line, whoever of its tree wrote it.
        ended: it came to its end.
    """

    job_id: str
    attempt: str
    first: float
    last: float
    ended: bool


def read_beacons(folder: Path) -> Iterator[Beats]:
    """All attempts that began."""
    for path in folder.iterdir():
        job_id, _, attempt = path.name.partition(".")
        lines = [line.split() for line in path.read_text().splitlines()]
        if lines:
            times = [float(line[0]) for line in lines]
            yield Beats(job_id, attempt, min(times), max(times), any(line[1] == "END" for line in lines))
