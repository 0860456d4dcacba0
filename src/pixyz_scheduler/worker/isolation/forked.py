"""ForkedChild: a spare of a warden's at work, its sockets turned into events."""

import os
import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from pixyz_scheduler.script.channel import ChannelError, SocketChannel, receive
from pixyz_scheduler.worker.isolation.events import Event, Exited, Froze, Message, Nonsense, Output
from pixyz_scheduler.worker.isolation.slot import Slot, Spare, WardenGone

_CHUNK = 64 * 1024
_SIGKILL = 9


class ForkedChild:
    """A child at work under a warden. See `events.Child`; `close` when it has exited."""

    def __init__(self, slot: Slot, spare: Spare) -> None:
        self.pid = spare.pid
        self.scale = slot.scale()
        self._slot = slot
        self._spare = spare
        self._was_killed = False
        self._woken, self._waking = os.pipe()
        spare.channel.setblocking(False)  # noqa: FBT003  (the socket module's signature)
        os.set_blocking(spare.output, False)
        self._poll = select.poll()
        for source in (spare.channel, spare.output, slot.control, self._woken):
            self._poll.register(source, select.POLLIN)

    def events(self, timeout: float | None) -> Iterator[Event]:
        """What has happened."""
        for descriptor, _ in self._poll.poll(None if timeout is None else 1000 * timeout):
            if descriptor == self._spare.channel.fileno():
                yield from self._messages(at_most=1)
            elif descriptor == self._spare.output:
                yield from self._output(at_most=1)
            elif descriptor == self._woken:
                os.read(self._woken, _CHUNK)
            else:
                yield from self._words()

    def interrupt(self) -> None:
        """Make a waiting `events` return."""
        with suppress(OSError):  # closed: it has ended by itself
            os.write(self._waking, b"!")

    def tick(self, asked: float) -> None:
        """The lease is held since then."""
        self._slot.tick(asked)

    def answer(self, message: Mapping[str, Any]) -> None:
        """Answer a call of the child's."""
        # A child that calls and calls, and never listens, is its own trouble.
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            SocketChannel(self._spare.channel).send(dict(message))

    def kill(self) -> None:
        """End the whole tree; asked again, with its warden, which the script may have stopped."""
        if self._was_killed:
            self._slot.end_warden()
        self._was_killed = True
        self._slot.tell({"kill": True})

    def close(self) -> None:
        """Close our ends; the child is gone."""
        self._spare.close()
        os.close(self._woken)
        os.close(self._waking)

    def _words(self) -> Iterator[Event]:
        try:
            word = self._slot.hear()
        except WardenGone:
            # Only the script itself reaches its warden: it has killed the one that watches it.
            word = (self.pid, Exited(signal=_SIGKILL))
        match word:
            case (self.pid, Exited() as exited):
                # What it said and printed last lies in the buffers still.
                yield from self._messages()
                yield from self._output()
                yield exited
            case Froze():
                yield word
            case _:
                pass

    def _messages(self, *, at_most: int | None = None) -> Iterator[Event]:
        while at_most is None or at_most > 0:
            try:
                message = receive(self._spare.channel)
            except BlockingIOError:
                return
            except ChannelError as error:
                yield Nonsense(str(error))
                return
            if message is None:
                self._forget(self._spare.channel)
                return
            yield Message(message)
            at_most = None if at_most is None else at_most - 1

    def _output(self, *, at_most: int | None = None) -> Iterator[Event]:
        while at_most is None or at_most > 0:
            try:
                text = os.read(self._spare.output, _CHUNK)
            except BlockingIOError:
                return
            if not text:
                self._forget(self._spare.output)
                return
            yield Output(text)
            at_most = None if at_most is None else at_most - 1

    def _forget(self, source: socket.socket | int) -> None:
        with suppress(KeyError):
            self._poll.unregister(source)
