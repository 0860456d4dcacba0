"""The template: an exec'd, single-threaded python, warm with engine and SDK, that forks a warden for each slot.

Run as `python -m pixyz_scheduler.worker.isolation.zygote DESCRIPTOR FREEZE loads|light`: a SEQPACKET socket to the
worker, and the seconds of `Pace.freeze`; which engine to import, and whether to take and hold its licence, is an
EngineChoice in the environment; a light one leaves both to its children. It says `ready`, or `refused ` and why there
is no licence. Each packet on the socket, `{"group": folder of its memory group, or empty}` with one descriptor, asks
for a warden, whose control socket that is; EOF ends it.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn

from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.engine.sdk import JobSession, job_session
from pixyz_scheduler.engine.select import preload
from pixyz_scheduler.errors import LicenceMissing
from pixyz_scheduler.script.rehearsal import rehearse
from pixyz_scheduler.worker.isolation import tree
from pixyz_scheduler.worker.isolation.child import serve
from pixyz_scheduler.worker.isolation.parentage import become_subreaper
from pixyz_scheduler.worker.isolation.printed import print_by_lines
from pixyz_scheduler.worker.isolation.warden import Warden

READY, REFUSED = b"ready", b"refused "
LOADS, LIGHT = "loads", "light"
# What does not die in this time is in uninterruptible sleep: nobody can wait for that.
_PATIENCE = 2.0
_REHEARSALS = 20
# What nearly every script begins with: paid for once, here. By name, since that room lies above this one.
_USERS_IMPORTS = ("pixyz_worker.script", "pixyz_worker.tasks", "celery.canvas", "asyncio", "inspect")


def main() -> NoReturn:
    """Import, freeze, fork."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in _USERS_IMPORTS:
        importlib.import_module(name)
    choice = EngineChoice.from_environment(os.environ)
    loads = sys.argv[3] == LOADS
    for line in preload(choice) if loads else ():
        _say(line)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Wardens are not waited for: a descriptor tells their end.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    become_subreaper()
    print_by_lines()
    # Enough for the interpreter to adapt its code to what jobs do.
    rehearse(times=_REHEARSALS)
    session = job_session(choice)
    if loads and choice.licence.at_start:
        _take_licence(session, control)
    gc.collect()
    gc.freeze()
    _answer(control, READY)
    _serve(control, session, freeze=float(sys.argv[2]))


def _take_licence(session: JobSession, control: socket.socket) -> None:
    """Hold it for all children, who are born with it; without, this process has no purpose."""
    try:
        session.hold()
    except LicenceMissing as error:
        _answer(control, REFUSED + str(error).encode())
        os._exit(0)
    threads = _threads()
    if threads > 1:
        _say(f"the Pixyz SDK has started {threads - 1} threads: where jobs hang, set ISOLATION=spawn")


def _threads() -> int:
    """How many threads run here, the SDK's own too; a child is forked with one."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.is_dir() else 1


def _answer(control: socket.socket, words: bytes) -> None:
    try:
        control.send(words)
    except BrokenPipeError:  # the worker was ended while we got ready
        os._exit(0)


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201  (the zygote has no log of its own; the worker's stream is this)


def _end(session: JobSession) -> NoReturn:
    """The worker is gone, or wants no more of it."""
    session.let_go()
    os._exit(0)


def _serve(control: socket.socket, session: JobSession, *, freeze: float) -> NoReturn:
    """Fork a warden for each request; end what one that has died leaves behind: it comes to us."""
    wardens: dict[int, int] = {}
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == control.fileno():
                for watched, pid in _fork_warden(control, wardens, session, freeze=freeze):
                    wardens[watched] = pid
                    poll.register(watched, select.POLLIN)
            else:
                poll.unregister(descriptor)
                os.close(descriptor)
                del wardens[descriptor]
                tree.kill_below(os.getpid(), spare=set(wardens.values()), patience=_PATIENCE)


def _fork_warden(
    control: socket.socket, others: Iterable[int], session: JobSession, *, freeze: float
) -> Iterator[tuple[int, int]]:
    """A new warden: the descriptor that tells its end, and its pid; nothing where there is no room for one more.

    Ends this process when the worker is gone.
    """
    try:
        packet, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
    except ConnectionResetError:
        packet, descriptors = b"", []
    if not packet:
        _end(session)
    try:
        pid = os.fork()
    except OSError as error:
        _say(f"no room for a warden: {error}")
        os.close(descriptors[0])
        return
    if pid == 0:
        control.close()
        for descriptor in others:
            os.close(descriptor)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        child = partial(serve, session=session)
        Warden(socket.socket(fileno=descriptors[0]), child, freeze=freeze, group=json.loads(packet)["group"]).run()
    os.close(descriptors[0])
    yield os.pidfd_open(pid), pid


if __name__ == "__main__":
    main()
