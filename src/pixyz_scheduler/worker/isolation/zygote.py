"""The template: an exec'd, single-threaded python, warm with engine and SDK, that forks a warden for each slot.

Run as `python -m pixyz_scheduler.worker.isolation.zygote DESCRIPTOR ENGINE FREEZE`: a SEQPACKET socket to the worker,
which engine to import (`none`, or the folder where the Pixyz SDK may be), and the seconds of `Pace.freeze`. Each packet
on the socket, `{"group": folder of its memory group, or empty}` with one descriptor, asks for a warden, whose control
socket that is; EOF ends it.
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
from pathlib import Path
from typing import NoReturn

from pixyz_scheduler.engine.select import preload
from pixyz_scheduler.worker.isolation import tree
from pixyz_scheduler.worker.isolation.child import serve
from pixyz_scheduler.worker.isolation.parentage import become_subreaper
from pixyz_scheduler.worker.isolation.warden import Warden

READY = b"ready"
NO_ENGINE = "none"
# What does not die in this time is in uninterruptible sleep: nobody can wait for that.
_PATIENCE = 2.0
# What nearly every script begins with: paid for once, here. By name, since that room lies above this one.
_USERS_IMPORTS = ("pixyz_worker.script", "pixyz_worker.tasks", "celery.canvas", "asyncio", "inspect")


def main() -> NoReturn:
    """Import, freeze, fork."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in _USERS_IMPORTS:
        importlib.import_module(name)
    if sys.argv[2] != NO_ENGINE:
        for line in preload(pixyz_python_path=Path(sys.argv[2])):
            print(line, file=sys.stderr)  # noqa: T201  (the zygote has no log of its own; the worker's stream is this)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Wardens are not waited for: a descriptor tells their end.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    become_subreaper()
    gc.collect()
    gc.freeze()
    try:
        control.send(READY)
    except BrokenPipeError:  # the worker was ended while we got ready
        os._exit(0)
    _serve(control, freeze=float(sys.argv[3]))


def _serve(control: socket.socket, *, freeze: float) -> NoReturn:
    """Fork a warden for each request; end what one that has died leaves behind: it comes to us."""
    wardens: dict[int, int] = {}
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == control.fileno():
                for watched, pid in _fork_warden(control, wardens, freeze=freeze):
                    wardens[watched] = pid
                    poll.register(watched, select.POLLIN)
            else:
                poll.unregister(descriptor)
                os.close(descriptor)
                del wardens[descriptor]
                tree.kill_below(os.getpid(), spare=set(wardens.values()), patience=_PATIENCE)


def _fork_warden(control: socket.socket, others: Iterable[int], *, freeze: float) -> Iterator[tuple[int, int]]:
    """A new warden: the descriptor that tells its end, and its pid; nothing where there is no room for one more.

    Ends this process when the worker is gone.
    """
    try:
        packet, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
    except ConnectionResetError:
        packet, descriptors = b"", []
    if not packet:
        os._exit(0)
    try:
        pid = os.fork()
    except OSError as error:
        print(f"no room for a warden: {error}", file=sys.stderr)  # noqa: T201  (as above)
        os.close(descriptors[0])
        return
    if pid == 0:
        control.close()
        for descriptor in others:
            os.close(descriptor)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        Warden(socket.socket(fileno=descriptors[0]), serve, freeze=freeze, group=json.loads(packet)["group"]).run()
    os.close(descriptors[0])
    yield os.pidfd_open(pid), pid


if __name__ == "__main__":
    main()
