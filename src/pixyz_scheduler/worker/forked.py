"""ForkedChild: a spare of a warden's at work, its sockets turned into events."""

import json
import os
import select
import socket
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pixyz_scheduler.script.channel import ChannelError, SocketChannel, receive
from pixyz_scheduler.worker.events import Event, Exited, Froze, Message, Nonsense, Output

_PACKET = 4096
_CHUNK = 64 * 1024
_SIGKILL = 9


@dataclass(frozen=True)
class Spare:
    """A child that waits for a request: its pid, our end of its channel, and the reading end of its output."""

    pid: int
    channel: socket.socket
    output: int

    def close(self) -> None:
        """Close our ends."""
        self.channel.close()
        os.close(self.output)


class WardenGone(ConnectionError):
    """The warden of a slot has died; what ran under it is dead too."""


class Slot:
    """The control socket to a warden, and the spares that wait. One thread uses it; any may tick or kill."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.is_dead = False
        self._warden: int | None = None
        self._spares: deque[Spare] = deque()

    def start(self, request: Mapping[str, Any]) -> "ForkedChild":
        """Hand a request to a spare; waits until one is forked.

        Raises:
            WardenGone: there is none and there will be none.
            ChannelError, OSError: the request cannot be sent; the slot is of no use any more.
        """
        while True:
            while not self._spares:
                self.hear()
            spare = self._spares.popleft()
            self.tell({"taken": spare.pid})
            try:
                SocketChannel(spare.channel).send(dict(request))
            except ConnectionError:
                # It died while it waited; the next one has not.
                spare.close()
                continue
            except BaseException:
                spare.close()
                raise
            return ForkedChild(self, spare)

    def hear(self) -> tuple[int, Exited] | Froze | None:
        """The next word of the warden: whose exit, a freeze, or None for one about spares. Waits for it.

        Raises:
            WardenGone: its socket is at its end.
        """
        try:
            packet, descriptors, _, _ = socket.recv_fds(self.control, _PACKET, 2)
        except ConnectionResetError:
            packet, descriptors = b"", []
        if not packet:
            self.is_dead = True
            raise WardenGone("The warden of a slot has died.")
        match json.loads(packet):
            case {"spare": int(pid)}:
                channel, output = descriptors
                self._spares.append(Spare(pid, socket.socket(fileno=channel), output))
                return None
            case {"exit": int(pid), "status": int(status), "peak": int(peak)}:
                self._drop(pid)
                return pid, _exited(status, peak)
            case {"frozen": bool(frozen)}:
                return Froze(frozen)
            case {"warden": int(pid)}:
                self._warden = pid
                return None
            case other:
                raise AssertionError(f"A warden said {other}.")

    def tell(self, message: dict[str, int | bool]) -> None:
        """Send the warden a word; one that is gone is heard of by `hear`."""
        with suppress(OSError):
            self.control.send(json.dumps(message).encode())

    def tick(self) -> None:
        """Tell the warden that the lease is held, and never wait for that.

        One that hears nothing (stopped, or stuck on a disk) must not hold up who renews everybody's leases.
        """
        with suppress(OSError):
            self.control.send(b'{"tick": true}', socket.MSG_DONTWAIT)

    def end_warden(self) -> None:
        """Kill a warden that does not do what it is told; its socket is open, so the number is its own."""
        if self._warden is not None:
            with suppress(ProcessLookupError):
                os.kill(self._warden, _SIGKILL)

    def close(self) -> None:
        """Let the warden go, and all its children."""
        for spare in self._spares:
            spare.close()
        self._spares.clear()
        self.control.close()

    def _drop(self, pid: int) -> None:
        for spare in [spare for spare in self._spares if spare.pid == pid]:
            self._spares.remove(spare)
            spare.close()


class ForkedChild:
    """A child at work under a warden. See `events.Child`; `close` when it has exited."""

    def __init__(self, slot: Slot, spare: Spare) -> None:
        self.pid = spare.pid
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

    def tick(self) -> None:
        """The worker lives and holds the lease."""
        self._slot.tick()

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


def _exited(status: int, peak: int) -> Exited:
    if os.WIFSIGNALED(status):
        return Exited(signal=os.WTERMSIG(status), peak_memory=peak)
    return Exited(exit_code=os.waitstatus_to_exitcode(status), peak_memory=peak)
