"""SpawnedChild: a new interpreter for each attempt (ISOLATION=spawn): slower, and the same on every system.

What holds its processes together, and ends them with it or with the worker, is the system's own: see `enclosure.py`;
what it does itself, `begun.py`.
"""

import os
import queue
import secrets
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import IO, Any, Protocol

from pixyz_scheduler.script.channel import ChannelError, StreamChannel
from pixyz_scheduler.worker.isolation.cgroup import MemoryGroup
from pixyz_scheduler.worker.isolation.enclosure import Enclosure, enclosure_of
from pixyz_scheduler.worker.isolation.events import Event, Exited, Froze, Message, Nonsense, Output, Since
from pixyz_scheduler.worker.isolation.resident import in_kib

MARK = "PIXYZ_ATTEMPT"
_CHUNK = 64 * 1024
_WAITING_EVENTS = 64
_PATIENCE = 5.0
_SOON = 0.5
_MOST_ANSWERS = 64
# Seconds between two looks at a frozen tree.
_LOOK = 0.1


class Enclosed(Protocol):
    """Makes an enclosure."""

    def __call__(self, *, mark: tuple[str, str], group: MemoryGroup | None) -> Enclosure:
        """See `enclosure_of`."""


class SpawnedChild:
    """A child at work in an interpreter of its own. See `events.Child`.

    It is frozen by the thread in `events`; so it is not where the whole worker stands still.

    `start` hands over its request; `close` ends it where it has not ended.

    Args:
        environment: of the child.
        freeze: seconds after the last moment of a tick when its tree is stopped.
        group: to live in; None for none.
        enclosed: by what its processes are held together, where that is not the system's own way.

    Raises:
        OSError: no process can be had.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        freeze: float,
        group: MemoryGroup | None = None,
        enclosed: Enclosed = enclosure_of,
    ) -> None:
        mark = secrets.token_hex(16)
        self._enclosure = enclosed(mark=(MARK, mark), group=group)
        self._freeze = freeze
        self._last_tick = time.monotonic()
        self._frozen = False
        self._was_killed = False
        self._answers: queue.Queue[dict[str, Any] | None] | None = None
        self._process = self._begun({**environment, MARK: mark})
        self.pid = self._process.pid
        self.scale = self._enclosure.scale
        # Bounded, so that a flood fills the pipes and not our memory.
        self._events: queue.Queue[Event | None] = queue.Queue(_WAITING_EVENTS)
        self._has_ended = False
        self._is_held = False
        self._pipes = {os.fstat(_pipe(pipe).fileno()).st_ino for pipe in (self._process.stdout, self._process.stderr)}
        readers = [self._thread(self._read_messages), self._thread(self._read_output)]
        self._thread(self._wait_for_end, *readers)

    def _begun(self, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        with ExitStack() as undo:
            undo.callback(self._enclosure.close)
            process = subprocess.Popen(  # noqa: S603  (our own module)
                self._enclosure.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                **self._enclosure.options,
            )
            # Nothing of a job's has begun in it: it waits for its request, or has not been let go on.
            undo.enter_context(process)
            undo.callback(process.kill)
            self._enclosure.begin(process)
            undo.pop_all()
        return process

    def start(self, request: Mapping[str, Any], *, since: Since) -> None:
        """Hand over its request; raises LeaseLost, and ChannelError for one that cannot be sent."""
        self._last_tick = since()
        with suppress(OSError):  # it died at once: its exit says so
            StreamChannel(_none(), _pipe(self._process.stdin)).send(dict(request))

    def events(self, timeout: float | None) -> Iterator[Event]:
        """What has happened."""
        froze = self._frost()
        if froze is not None:
            yield froze
            return
        # One at a time: between two the limits are looked at, however fast they come.
        with suppress(queue.Empty):
            event = self._events.get(timeout=self._until_frost(timeout))
            self._has_ended = isinstance(event, Exited)
            if event is not None:
                yield event

    def interrupt(self) -> None:
        """Make a waiting `events` return."""
        with suppress(queue.Full):  # then nobody waits
            self._events.put_nowait(None)

    def tick(self, asked: float) -> None:
        """The lease is held since then."""
        self._last_tick = max(self._last_tick, asked)
        if self._frozen:
            self.interrupt()

    def answer(self, message: Mapping[str, Any]) -> None:
        """Answer a call of the child's."""
        # A pipe that nobody reads holds its writer up: a thread of its own, for no more than the child can wait for.
        if self._answers is None:
            self._answers = queue.Queue(_MOST_ANSWERS)
            self._thread(self._write_answers, self._answers)
        with suppress(queue.Full):
            self._answers.put_nowait(dict(message))

    def kill(self) -> None:
        """End the whole tree; asked again, with its keeper, which the script may have stopped."""
        if self._enclosure.ends_at_eof and not self._was_killed:
            self._was_killed = True
            with suppress(OSError):
                _pipe(self._process.stdin).close()
        else:
            self._enclosure.kill()

    def close(self) -> None:
        """Close our ends, once the child is gone."""
        if self._answers is not None:
            with suppress(queue.Full):
                self._answers.put_nowait(None)
        if not self._has_ended:
            self.kill()
        force = time.monotonic() + _PATIENCE
        while not self._has_ended:
            if time.monotonic() > force:
                self._enclosure.kill()
            deque(self.events(_PATIENCE), maxlen=0)
        # A pipe that a thread of ours reads for ever must stay as it is.
        pipes = (self._process.stdout, self._process.stderr) if not self._is_held else ()
        for pipe in (self._process.stdin, *pipes):
            with suppress(OSError):
                _pipe(pipe).close()
        self._enclosure.close()

    def _frost(self) -> Froze | None:
        """Stop the tree, or let it go on, where it is time."""
        is_unheard = time.monotonic() - self._last_tick >= self._freeze
        if not (is_unheard or self._frozen):
            return None
        self._enclosure.freeze(frozen=is_unheard)
        has_changed, self._frozen = is_unheard != self._frozen, is_unheard
        return Froze(is_unheard) if has_changed else None

    def _until_frost(self, timeout: float | None) -> float | None:
        left = _LOOK if self._frozen else self._last_tick + self._freeze - time.monotonic()
        return max(0.0, left) if timeout is None else max(0.0, min(left, timeout))

    def _thread(self, target: Any, *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        thread.start()
        return thread

    def _write_answers(self, answers: "queue.Queue[dict[str, Any] | None]") -> None:
        channel = StreamChannel(_none(), _pipe(self._process.stdin))
        with suppress(OSError, ValueError):  # it has ended, and its pipe is closed
            while (message := answers.get()) is not None:
                channel.send(message)

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
        status, peak = self._wait()
        # Whoever it left behind holds the pipes open; without them the readers come to their end.
        self._enclosure.kill()
        for reader in readers:
            reader.join(_SOON)
        if any(reader.is_alive() for reader in readers):
            self._enclosure.kill_holders(self._pipes)
            for reader in readers:
                reader.join(_PATIENCE)
            # What holds them still cannot be killed: nobody waits for that.
            self._is_held = any(reader.is_alive() for reader in readers)
        if status >= 0:
            self._events.put(Exited(exit_code=status, peak_memory=peak))
        else:
            self._events.put(Exited(signal=-status, peak_memory=peak))

    def _wait(self) -> tuple[int, int | None]:
        """Its status as Popen gives it, and its peak in KiB where the system counts: its keeper's, or its own."""
        if not hasattr(os, "wait4"):
            return self._process.wait(), None
        _, status, usage = os.wait4(self.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return self._process.returncode, in_kib(usage.ru_maxrss)


def _pipe(pipe: IO[bytes] | None) -> Any:
    if pipe is None:
        raise AssertionError("The child was started with pipes.")
    return pipe


def _none() -> Any:
    return None
