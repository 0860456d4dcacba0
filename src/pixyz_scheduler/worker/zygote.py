"""The template: an exec'd, single-threaded python, warm with engine and SDK, that forks a warden for each slot.

Run as `python -m pixyz_scheduler.worker.zygote DESCRIPTOR MODULE...`: a SEQPACKET socket to the worker, and what to import.
Each packet on it with one descriptor asks for a warden, whose control socket that is; EOF ends it.
"""

import gc
import importlib
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import NoReturn

from pixyz_scheduler.worker.child import serve
from pixyz_scheduler.worker.warden import Warden

READY = b"ready"


def main() -> NoReturn:
    """Import, freeze, fork."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in sys.argv[2:]:
        # What is not installed is said by the job that needs it.
        with suppress(ImportError):
            importlib.import_module(name)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Wardens are not waited for: their end is heard on their own sockets.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    control.send(READY)
    while True:
        packet, descriptors, _, _ = socket.recv_fds(control, 64, 1)
        if not packet:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            Warden(socket.socket(fileno=descriptors[0]), serve).run()
        os.close(descriptors[0])


if __name__ == "__main__":
    main()
