"""Servers of the API to be killed: each line on stdin forks one on the same port and answers its pid.

    python mortal_api.py <settings as JSON>      first prints the port
    <step>, or an empty line                     the step at which the server kills itself (SIGKILL), if it gets there

The imports are done once: a server costs a fork, and is a process of its own all the same.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from pixyz_scheduler.api.app import make_app
from pixyz_scheduler.api.schemas import JobAccepted
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.storage import content, incoming
from pixyz_scheduler.storage.content import Content
from pixyz_scheduler.storage.incoming import Incoming, IncomingFile

# Where a server dies: the class or module, the name of what it calls, and whether before or after the call.
STEPS = {
    "the file is begun": (Incoming, "create", "after"),
    "a batch is written": (IncomingFile, "write", "after"),
    "the file is whole": (IncomingFile, "close", "after"),
    "the record is beside it": (Incoming, "describe", "after"),
    "it is about to be renamed": (Incoming, "adopt", "before"),
    "it is renamed": (Incoming, "_make_last", "before"),
    "it is synced": (incoming, "sync_folder", "before"),
    "it has its place": (Incoming, "adopt", "after"),
    "the record is about to be written": (RecordStore, "submit_by", "before"),
    "the record is written": (RecordStore, "submit_by", "after"),
    "it is about to be answered": (JobAccepted, "with_warnings", "before"),
}
# Likewise, for a request whose input may be shared: of the first with that input, and of those after it.
OFFERING = {
    "its entry is about to be made": (Content, "_offer", "before"),
    "the entry has its folder": (content, "make_corner", "after"),
    "nobody may write to it": (content, "set_mode", "after"),
    "the entry is made": (Content, "_offer", "after"),
}
TAKING = {
    "the entry is about to be linked": (content, "_put", "before"),
    "the entry is linked beside the file": (content, "_is_as_made", "before"),
    "the entry is in the file's place": (content, "_put", "after"),
}


def main():
    settings = Settings(**json.loads(sys.argv[1]))
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    # Connections wait in line from one server to the next.
    listening.listen(64)
    print(listening.getsockname()[1], flush=True)
    for line in sys.stdin:
        while _reap():
            pass
        pid = os.fork()
        if not pid:
            serve(settings, listening, line.strip())
            os._exit(0)
        print(pid, flush=True)


def serve(settings, listening, step):
    if step:
        die_at(*(STEPS | OFFERING | TAKING)[step])
    config = uvicorn.Config(make_app(settings), http="httptools", log_config=None, timeout_graceful_shutdown=2)
    uvicorn.Server(config).run(sockets=[listening])


def die_at(owner, name, moment):
    called = getattr(owner, name)

    def dying(*arguments, **options):
        if moment == "after":
            called(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, dying)


def _reap():
    try:
        return os.waitpid(-1, os.WNOHANG)[0]
    except ChildProcessError:
        return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2] / "src"))
    main()
