"""Template: the worker's end of the zygote, which makes slots."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

from typing_extensions import Self

from pixyz_scheduler.errors import Unavailable
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.worker.isolation.cgroup import MemoryGroup, MemoryGroups
from pixyz_scheduler.worker.isolation.slot import Slot
from pixyz_scheduler.worker.isolation.zygote import READY


class Template:
    """The zygote process; a context manager that ends it.

    Args:
        engine: `none`, or the folder where the Pixyz SDK may be: that engine, else the open one, is imported.
        environment: of the zygote and so of every script: no secret may be in it.
        freeze: seconds after the last moment of a tick when a job's tree is stopped.
        groups: where memory groups for the slots are made; None for nowhere.
    """

    def __init__(
        self,
        *,
        engine: str,
        environment: Mapping[str, str],
        freeze: float = PACE.freeze,
        groups: MemoryGroups | None = None,
    ) -> None:
        self._groups = groups
        self._engine = engine
        self._freeze = freeze
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Start the zygote and wait until it has imported everything."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = (str(theirs.fileno()), self._engine, str(self._freeze))
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603  (our own module)
                    [sys.executable, "-m", "pixyz_scheduler.worker.isolation.zygote", *arguments],
                    pass_fds=[theirs.fileno()],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                raise Unavailable(f"The template of the jobs cannot be started: {error}.") from error
        if ours.recv(64) != READY:
            raise Unavailable(f"The template of the jobs did not start: exit status {self._process.wait()}; see above.")
        self._control = ours

    def slot(self) -> Slot:
        """A new slot with its warden; starts the zygote anew where it has died."""
        with self._lock:
            group = None if self._groups is None else self._groups.new()
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                try:
                    self._ask(theirs, group)
                except OSError:
                    self.close()
                    self.start()
                    self._ask(theirs, group)
            return Slot(ours, group)

    def end(self, slot: Slot) -> None:
        """Let a slot's warden go, and its memory group as soon as that is empty."""
        slot.close()
        if self._groups is not None and slot.group is not None:
            with self._lock:
                self._groups.let_go(slot.group)

    def renew(self) -> None:
        """End a zygote that does not do what it is asked; the next slot starts another."""
        with self._lock:
            self.close()

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

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, theirs: socket.socket, group: MemoryGroup | None) -> None:
        if self._control is None:
            raise BrokenPipeError
        packet = json.dumps({"group": "" if group is None else str(group.path)})
        socket.send_fds(self._control, [packet.encode()], [theirs.fileno()])
