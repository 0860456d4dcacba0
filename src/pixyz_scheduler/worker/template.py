"""Template and Slot: the worker's ends of the zygote and of its wardens."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pixyz_scheduler.worker.zygote import READY

_PACKET = 4096


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


@dataclass(frozen=True)
class Exited:
    """A child and its whole tree are gone: the status as wait() gives it, the peak of resident memory in KiB."""

    pid: int
    status: int
    peak: int


@dataclass(frozen=True)
class Froze:
    """The warden froze the tree (the worker was silent), or let it go on."""

    frozen: bool


class WardenGone(ConnectionError):
    """The warden of a slot has died; what ran under it is dead too."""


class Slot:
    """One slot: the control socket to its warden, and the spares that wait. One thread uses it; any may `tick`."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self._spares: deque[Spare] = deque()

    def take(self) -> Spare:
        """A spare to send a request to; waits until one is forked.

        Raises:
            WardenGone: there is none and there will be none.
        """
        while not self._spares:
            self.hear()
        spare = self._spares.popleft()
        self._tell({"taken": spare.pid})
        return spare

    def hear(self) -> Exited | Froze | None:
        """The next word of the warden; None for one about spares. Waits for it.

        Raises:
            WardenGone: its socket is at its end.
        """
        try:
            packet, descriptors, _, _ = socket.recv_fds(self.control, _PACKET, 2)
        except ConnectionResetError:
            packet, descriptors = b"", []
        if not packet:
            raise WardenGone("The warden of a slot has died.")
        match json.loads(packet):
            case {"spare": int(pid)}:
                channel, output = descriptors
                self._spares.append(Spare(pid, socket.socket(fileno=channel), output))
                return None
            case {"exit": int(pid), "status": int(status), "peak": int(peak)}:
                self._drop(pid)
                return Exited(pid, status, peak)
            case {"frozen": bool(frozen)}:
                return Froze(frozen)
            case other:
                raise AssertionError(f"A warden said {other}.")

    def tick(self) -> None:
        """The worker lives and holds the lease."""
        self._tell({"tick": True})

    def kill(self) -> None:
        """End the child at work and its whole tree; `Exited` follows."""
        self._tell({"kill": True})

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

    def _tell(self, message: dict[str, int | bool]) -> None:
        with suppress(OSError):  # gone: whoever listens learns it
            self.control.send(json.dumps(message).encode())


class Template:
    """The zygote process; a context manager that ends it and all below it.

    Args:
        modules: to be imported before the first fork.
        environment: of the zygote and so of every script: no secret may be in it.
        search_path: put before sys.path, for the SDK's modules.
    """

    def __init__(
        self, *, modules: Sequence[str], environment: Mapping[str, str], search_path: Sequence[str] = ()
    ) -> None:
        self._modules = tuple(modules)
        self._environment = dict(environment)
        if search_path:
            said = self._environment.get("PYTHONPATH", "")
            self._environment["PYTHONPATH"] = os.pathsep.join([*search_path, *filter(None, [said])])
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Start the zygote and wait until it has imported everything."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (our own module)
                [sys.executable, "-m", "pixyz_scheduler.worker.zygote", str(theirs.fileno()), *self._modules],
                pass_fds=[theirs.fileno()],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        if ours.recv(64) != READY:
            raise ChildProcessError(f"The zygote did not start: exit status {self._process.wait()}.")
        self._control = ours

    def slot(self) -> Slot:
        """A new slot with its warden; starts the zygote anew where it has died."""
        with self._lock:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                try:
                    self._ask(theirs)
                except OSError:
                    self.close()
                    self.start()
                    self._ask(theirs)
            return Slot(ours)

    def close(self) -> None:
        """End the zygote; wardens go with their slots."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def __enter__(self) -> "Template":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, theirs: socket.socket) -> None:
        if self._control is None:
            raise BrokenPipeError
        socket.send_fds(self._control, [b"slot"], [theirs.fileno()])


def without_secrets(environment: Mapping[str, str]) -> dict[str, Any]:
    """The environment that scripts may see."""
    return {name: value for name, value in environment.items() if not _is_secret(name)}


def _is_secret(name: str) -> bool:
    hidden = ("PASSWORD", "SECRET", "TOKEN", "BROKER_URL", "RESULT_BACKEND", "API_KEY", "CREDENTIAL")
    return any(word in name.upper() for word in hidden)
