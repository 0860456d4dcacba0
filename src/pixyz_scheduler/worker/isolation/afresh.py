"""The child, begun afresh: the same process, become an interpreter with the packages that its script needs.

Run as `python -m pixyz_scheduler.worker.isolation.afresh KIND CHANNEL REQUEST`: `socket` or `stream`, the descriptor by
which messages leave, and that of a file with the request. A forked child has the template's modules loaded already
(numpy, the engine's libraries), which no list of folders can exchange: only a new program has the versions asked for.
Process, session, limits and log stay what they are.
"""

import json
import os
import sys
import tempfile
from contextlib import suppress
from typing import IO, NoReturn

from pixyz_scheduler.script.attempt import AttemptRequest
from pixyz_scheduler.script.channel import Channel, SocketChannel, StreamChannel
from pixyz_scheduler.script.host import run_attempt
from pixyz_scheduler.worker.provision.environments import Held

_SOCKET, _STREAM = "socket", "stream"


def begin_afresh(packages: Held, asked: AttemptRequest, channel: Channel) -> NoReturn:
    """Run the attempt in the interpreter of these packages; they stay as long as it runs."""
    match channel:
        case SocketChannel():
            kind, line = _SOCKET, channel.descriptor
        case StreamChannel():
            kind, line = _STREAM, channel.descriptor
        case _:
            raise TypeError(f"{channel!r} cannot be handed on.")
    request = _as_file(json.dumps(asked.to_message()).encode())
    for descriptor in (line, request, packages.lock):
        os.set_inheritable(descriptor, True)  # noqa: FBT003  (the module's signature)
    folder = packages.path / "bin"
    environment = {
        **os.environ,
        "VIRTUAL_ENV": str(packages.path),
        "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    python = str(folder / "python")
    os.execve(  # noqa: S606  (our own module, in the script's environment)
        python, [python, "-m", "pixyz_scheduler.worker.isolation.afresh", kind, str(line), str(request)], environment
    )


def _as_file(text: bytes) -> int:
    """A descriptor of a file that has no name; any size goes, which an argument does not allow."""
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.flush()
        return os.dup(file.fileno())


def main() -> NoReturn:
    """The attempt, in its own interpreter."""
    kind, line, request = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    # `-m` puts the working folder there, which is no place for modules.
    del sys.path[0]
    with os.fdopen(request, "rb") as file:
        file.seek(0)
        message = json.load(file)
    os.set_inheritable(line, False)  # noqa: FBT003  (the module's signature)
    status = run_attempt(message, _channel(kind, line))
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the user may have closed it
            stream.flush()
    os._exit(status)


def _channel(kind: str, line: int) -> Channel:
    import socket

    if kind == _SOCKET:
        return SocketChannel(socket.socket(fileno=line))
    nothing: IO[bytes] = open(os.devnull, "rb")  # noqa: SIM115, PTH123  (open as long as the process)
    return StreamChannel(nothing, os.fdopen(line, "wb"))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
