"""Slot: the worker's end of a warden, and the spares that wait."""

import json
import logging
import os
import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pixyz_scheduler.errors import Unavailable
from pixyz_scheduler.script.channel import SocketChannel
from pixyz_scheduler.worker.isolation import tree
from pixyz_scheduler.worker.isolation.cgroup import MemoryGroup
from pixyz_scheduler.worker.isolation.events import Exited, Froze, Since
from pixyz_scheduler.worker.isolation.memory import GroupScale, Scale, TreeScale

_log = logging.getLogger(__name__)

# A machine that has had no room for a process for so long must not keep the job.
SPARE_PATIENCE = 10.0
# KiB: more than a warden and its spares.
_HEAVY = 64 * 1024
_PACKET = 4096
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


class NoSpare(Unavailable):
    """A warden has forked no spare for a long time."""


class Slot:
    """The control socket to a warden, and the spares that wait. One thread uses it; any may tick or kill.

    Args:
        control: the socket.
        group: where the warden and all below it live; None for none.
    """

    def __init__(self, control: socket.socket, group: MemoryGroup | None = None) -> None:
        self.control = control
        self.group = group
        self.is_dead = False
        self._warden: int | None = None
        self._spares: deque[Spare] = deque()
        self._has_joined = False
        self._why_none = "its warden is silent"

    @property
    def is_heard(self) -> bool:
        """Whether its warden has ever spoken."""
        return self._warden is not None

    def start(self, request: Mapping[str, Any], *, since: Since, patience: float = SPARE_PATIENCE) -> Spare:
        """Hand a request to a spare, which is then at work; waits until one is forked.

        Args:
            request: for the child.
            since: from when the lease counts, asked once a spare is there.
            patience: seconds to wait.

        Raises:
            WardenGone: there is none and there will be none.
            NoSpare: there is none yet.
            LeaseLost: there is no lease to begin on.
            ChannelError, OSError: the request cannot be sent; the slot is of no use any more.
        """
        give_up = time.monotonic() + patience
        while True:
            while not self._spares:
                if not select.select([self.control], [], [], max(0.0, give_up - time.monotonic()))[0]:
                    raise NoSpare(f"No process could be made for the job: {self._why_none}.")
                self.hear()
            # The last thing before the child begins: however long this process stood still, it begins on a young lease.
            moment, spare = since(), self._spares.popleft()
            self.tell({"taken": spare.pid, "since": moment})
            try:
                SocketChannel(spare.channel).send(dict(request))
            except ConnectionError:
                # It died while it waited; the next one has not.
                spare.close()
                continue
            except BaseException:
                spare.close()
                raise
            return spare

    @property
    def is_heavy(self) -> bool:
        """Whether its group has kept what it should not, in memory files: the next job must not be charged for it."""
        if self.group is None:
            return False
        with suppress(OSError):
            return self.group.total() > _HEAVY and self.group.used() > _HEAVY
        return True

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
            case {"warden": int(pid), "grouped": bool(grouped)}:
                self._warden = pid
                self._has_joined = grouped
                return None
            case {"unable": str(why)}:
                self._why_none = why
                _log.warning("no process can be forked for jobs, trying again: %s", why)
                return None
            case other:
                raise AssertionError(f"A warden said {other}.")

    def tell(self, message: dict[str, int | bool | float]) -> None:
        """Send the warden a word; one that is gone is heard of by `hear`."""
        with suppress(OSError):
            self.control.send(json.dumps(message).encode())

    def scale(self) -> Scale:
        """What weighs the child at work and all it started."""
        return GroupScale(self.group) if self.group is not None and self._has_joined else TreeScale(self._at_work)

    def _at_work(self) -> Iterator[int]:
        if self._warden is not None:
            yield from tree.below(self._warden, spare=[spare.pid for spare in self._spares])

    def tick(self, asked: float) -> None:
        """Tell the warden that the lease is held, and never wait for that.

        One that hears nothing (stopped, or stuck on a disk) must not hold up who renews everybody's leases.
        """
        with suppress(OSError):
            self.control.send(json.dumps({"tick": asked}).encode(), socket.MSG_DONTWAIT)

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


def _exited(status: int, peak: int) -> Exited:
    if os.WIFSIGNALED(status):
        return Exited(signal=os.WTERMSIG(status), peak_memory=peak)
    return Exited(exit_code=os.waitstatus_to_exitcode(status), peak_memory=peak)
