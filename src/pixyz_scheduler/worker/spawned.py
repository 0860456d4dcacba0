"""SpawnedChild: a new interpreter for each attempt (ISOLATION=spawn): slower, and the same on every system.

Run as `python -m pixyz_scheduler.worker.spawned` it is the child: the request comes by its standard input, messages
leave by what was its standard output, all that is printed by its standard error.
"""

import os
import queue
import secrets
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any

from pixyz_scheduler.script.channel import ChannelError, StreamChannel
from pixyz_scheduler.worker import tree
from pixyz_scheduler.worker.child import attempt
from pixyz_scheduler.worker.events import Event, Exited, Message, Nonsense, Output

MARK = "PIXYZ_ATTEMPT"
_CHUNK = 64 * 1024
_WAITING_EVENTS = 64


class SpawnedChild:
    """A child at work in an interpreter of its own. See `events.Child`.

    Its whole tree is found by its session and, on Linux, by a mark in the environment. It is not frozen when the
    worker falls silent. `start` hands over its request; `close` ends it where it has not ended.
    """

    def __init__(self, *, environment: Mapping[str, str]) -> None:
        self._mark = secrets.token_hex(16)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pixyz_scheduler.worker.spawned"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, MARK: self._mark},
            start_new_session=True,
        )
        self.pid = self._process.pid
        # Bounded, so that a flood fills the pipes and not our memory.
        self._events: queue.Queue[Event | None] = queue.Queue(_WAITING_EVENTS)
        self._has_ended = False
        readers = [self._thread(self._read_messages), self._thread(self._read_output)]
        self._thread(self._wait_for_end, *readers)

    def start(self, request: Mapping[str, Any]) -> None:
        """Hand over its request; raises ChannelError for one that cannot be sent."""
        with suppress(OSError):  # it died at once: its exit says so
            StreamChannel(_none(), _pipe(self._process.stdin)).send(dict(request))

    def events(self, timeout: float | None) -> Iterator[Event]:
        """What has happened."""
        # One at a time: between two the limits are looked at, however fast they come.
        with suppress(queue.Empty):
            event = self._events.get(timeout=timeout)
            self._has_ended = isinstance(event, Exited)
            if event is not None:
                yield event

    def interrupt(self) -> None:
        """Make a waiting `events` return."""
        with suppress(queue.Full):  # then nobody waits
            self._events.put_nowait(None)

    def tick(self) -> None:
        """Not needed: nobody freezes it."""

    def kill(self) -> None:
        """End the whole tree."""
        self._kill_tree()

    def close(self) -> None:
        """Close our ends, once the child is gone."""
        if not self._has_ended:
            self.kill()
        while not self._has_ended:
            deque(self.events(None), maxlen=0)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):
                _pipe(pipe).close()

    def _thread(self, target: Any, *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        thread.start()
        return thread

    def _read_messages(self) -> None:
        channel = StreamChannel(_pipe(self._process.stdout), _none())
        try:
            while (message := channel.receive()) is not None:
                self._events.put(Message(message))
        except ChannelError as error:
            self._events.put(Nonsense(str(error)))

    def _read_output(self) -> None:
        while text := os.read(_pipe(self._process.stderr).fileno(), _CHUNK):
            self._events.put(Output(text))

    def _wait_for_end(self, *readers: threading.Thread) -> None:
        status = self._process.wait()
        # Whoever it left behind holds the pipes open; without them the readers come to their end.
        self._kill_tree()
        for reader in readers:
            reader.join()
        self._events.put(Exited(exit_code=status) if status >= 0 else Exited(signal=-status))

    def _kill_tree(self) -> None:
        if os.name == "posix":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        else:
            self._process.kill()
        tree.kill_marked(f"{MARK}={self._mark}")


def _pipe(pipe: IO[bytes] | None) -> Any:
    if pipe is None:
        raise AssertionError("The child was started with pipes.")
    return pipe


def _none() -> Any:
    return None


def main() -> None:
    """The child's side."""
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    channel = StreamChannel(reader, writer)
    request = channel.receive()
    status = 0 if request is None else attempt(request, channel)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the user may have closed it
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
