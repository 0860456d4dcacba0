"""The template: an exec'd, single-threaded python, warm with engine and SDK, that forks a warden for each slot.

Run as `python -m pixyz_scheduler.worker.zygote DESCRIPTOR ENGINE`: a SEQPACKET socket to the worker, and which engine
to import (`none`, or the folder where the Pixyz SDK may be). Each packet on the socket with one descriptor asks for a
warden, whose control socket that is; EOF ends it.
"""

import gc
import importlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from pixyz_scheduler.engine.select import preload
from pixyz_scheduler.worker import tree
from pixyz_scheduler.worker.child import serve
from pixyz_scheduler.worker.warden import Warden, become_subreaper

READY = b"ready"
NO_ENGINE = "none"
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
    # Wardens are not waited for: their end is heard on their own sockets.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    become_subreaper()
    gc.collect()
    gc.freeze()
    control.send(READY)
    wardens: set[int] = set()
    while True:
        try:
            packet, descriptors, _, _ = socket.recv_fds(control, 64, 1)
        except ConnectionResetError:
            packet, descriptors = b"", []
        if not packet:
            os._exit(0)
        # What a warden watched that its script has killed came to us: it ends before another takes its place.
        wardens &= set(tree.children(os.getpid()))
        tree.kill_below(os.getpid(), spare=wardens)
        warden = os.fork()
        if warden == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            Warden(socket.socket(fileno=descriptors[0]), serve).run()
        wardens.add(warden)
        os.close(descriptors[0])


if __name__ == "__main__":
    main()
