"""The child, begun afresh: the same process, become an interpreter with the packages that its script needs.

Run as `python -m pixyz_scheduler.worker.isolation.afresh REQUEST LINE ...`: the descriptors of a file with the request,
and of the channel: one of a socket, or two of streams. A forked child has the template's modules loaded already (numpy,
the engine's libraries), which no list of folders can exchange: only a new program has the versions asked for.
Process, session, limits and log stay what they are.
"""

import json
import os
import socket
import sys
import tempfile
from contextlib import suppress
from typing import NoReturn

from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.engine.sdk import job_session
from pixyz_scheduler.script.attempt import AttemptRequest
from pixyz_scheduler.script.channel import SocketChannel, StreamChannel, TwoWayChannel
from pixyz_scheduler.worker.isolation.licensed import run_licensed
from pixyz_scheduler.worker.isolation.printed import print_by_lines
from pixyz_scheduler.worker.provision.environments import Held


def begin_afresh(packages: Held, asked: AttemptRequest, channel: TwoWayChannel) -> NoReturn:
    """Run the attempt in the interpreter of these packages; they stay as long as it runs."""
    if not isinstance(channel, SocketChannel | StreamChannel):
        raise TypeError(f"{channel!r} cannot be handed on.")
    request, lines = _as_file(json.dumps(asked.to_message()).encode()), channel.descriptors
    for descriptor in (request, *lines, packages.lock):
        os.set_inheritable(descriptor, True)  # noqa: FBT003  (the module's signature)
    folder = packages.path / "bin"
    environment = {
        **os.environ,
        "VIRTUAL_ENV": str(packages.path),
        "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    python = str(folder / "python")
    arguments = [python, "-m", "pixyz_scheduler.worker.isolation.afresh", *map(str, (request, *lines))]
    os.execve(python, arguments, environment)  # noqa: S606  (our own module, in the script's environment)


def _as_file(text: bytes) -> int:
    """A descriptor of a file that has no name; any size goes, which an argument does not allow."""
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.flush()
        return os.dup(file.fileno())


def main() -> NoReturn:
    """The attempt, in its own interpreter."""
    request, *lines = map(int, sys.argv[1:])
    # `-m` puts the working folder there, which is no place for modules.
    del sys.path[0]
    with os.fdopen(request, "rb") as file:
        file.seek(0)
        message = json.load(file)
    for line in lines:
        os.set_inheritable(line, False)  # noqa: FBT003  (the module's signature)
    print_by_lines()
    # What the template holds does not outlive a new program: this one has a licence of its own.
    session = job_session(EngineChoice.from_environment(os.environ))
    status = run_licensed(message, _channel(lines), session=session)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the user may have closed it
            stream.flush()
    os._exit(status)


def _channel(lines: list[int]) -> TwoWayChannel:
    if len(lines) == 1:
        return SocketChannel(socket.socket(fileno=lines[0]))
    return StreamChannel(os.fdopen(lines[0], "rb"), os.fdopen(lines[1], "wb"))


if __name__ == "__main__":
    main()
