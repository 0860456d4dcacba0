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

from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.errors import LicenceMissing, Unavailable
from pixyz_scheduler.jobs.outcome import Crashed
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.worker.isolation.cgroup import MemoryGroup, MemoryGroups
from pixyz_scheduler.worker.isolation.overheard import overheard
from pixyz_scheduler.worker.isolation.slot import Slot
from pixyz_scheduler.worker.isolation.zygote import LIGHT, LOADS, READY, REFUSED

_PACKET = 4096
# Seconds for what the zygote does beside taking the licence, and to give it back.
_IMPORTS, _GIVES_BACK = 30.0, 5.0


class Template:
    """The zygote process; a context manager that ends it.

    Args:
        engine: which is imported, and whether its licence is held.
        environment: of the zygote and so of every script: no secret may be in it.
        freeze: seconds after the last moment of a tick when a job's tree is stopped.
        groups: where memory groups for the slots are made; None for nowhere.
        loads: whether the engine is imported at the start, or only by who needs it.
        into_log: what it prints is lines of the log, instead of lines beside those.
    """

    def __init__(
        self,
        *,
        engine: EngineChoice,
        environment: Mapping[str, str],
        freeze: float = PACE.freeze,
        groups: MemoryGroups | None = None,
        loads: bool = True,
        into_log: bool = False,
    ) -> None:
        self._into_log = into_log
        self._groups = groups
        self._engine = engine
        self._loads = loads
        self._holds_licence = loads and engine.is_sdk and engine.licence.at_start
        self._freeze = freeze
        self._environment = {**environment, **engine.to_environment()}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Start the zygote and wait until it has imported everything and, where it is to hold one, has its licence.

        Raises:
            LicenceMissing: it gets none, or has no answer in LICENSE_TIMEOUT.
            Unavailable: it does not start.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = (str(theirs.fileno()), str(self._freeze), LOADS if self._loads else LIGHT)
        with theirs, overheard("template", wanted=self._into_log) as output:
            try:
                self._process = subprocess.Popen(  # noqa: S603  (our own module)
                    [sys.executable, "-m", "pixyz_scheduler.worker.isolation.zygote", *arguments],
                    pass_fds=[theirs.fileno()],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            except OSError as error:
                raise Unavailable(f"The template of the jobs cannot be started: {error}.") from error
        self._control = ours
        self._hear_that_it_is_ready(ours)

    def _hear_that_it_is_ready(self, control: socket.socket) -> None:
        control.settimeout(self._engine.licence.timeout + _IMPORTS if self._holds_licence else None)
        try:
            words = control.recv(_PACKET)
        except TimeoutError:
            self._kill()
            raise LicenceMissing(
                f"The Pixyz SDK has not come to a licence in {self._engine.licence.timeout:g} s (LICENSE_TIMEOUT)."
            ) from None
        control.settimeout(None)
        if words.startswith(REFUSED):
            self._kill()
            raise LicenceMissing(words.removeprefix(REFUSED).decode())
        if words != READY:
            raise Unavailable(f"The template of the jobs did not start: {self._how_it_ended()}; see above.")

    def _how_it_ended(self) -> str:
        status = 0 if self._process is None else self._process.wait()
        self._kill()
        taking = " while it started the Pixyz SDK, or took its licence" if self._holds_licence else ""
        return f"{Crashed(signal=-status).text}{taking}" if status < 0 else f"exit status {status}"

    def slot(self) -> Slot:
        """A new slot with its warden; starts the zygote anew where it has died."""
        with self._lock:
            group = None if self._groups is None else self._groups.new()
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                try:
                    self._ask_patiently(theirs, group)
                except BaseException:
                    ours.close()
                    raise
            return Slot(ours, group)

    def _ask_patiently(self, theirs: socket.socket, group: MemoryGroup | None) -> None:
        try:
            self._ask(theirs, group)
        except OSError:
            self._kill()
            self._start_again()
            self._ask(theirs, group)

    def _start_again(self) -> None:
        try:
            self.start()
        except LicenceMissing as error:  # this time it is a job that waits for it, and can wait
            raise Unavailable(str(error)) from error

    def end(self, slot: Slot) -> None:
        """Let a slot's warden go, and its memory group as soon as that is empty."""
        slot.close()
        if self._groups is not None and slot.group is not None:
            with self._lock:
                self._groups.let_go(slot.group)

    @property
    def is_there(self) -> bool:
        """Whether its process was started, and not ended by us."""
        return self._process is not None

    def renew(self) -> None:
        """End a zygote that does not do what it is asked; the next slot starts another."""
        with self._lock:
            self._kill()

    def close(self) -> None:
        """End the zygote, once it has given its licence back; wardens go with their slots.

        The next slot starts another.
        """
        with self._lock:
            self._hang_up()
            if self._process is not None and self._holds_licence:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(_GIVES_BACK)
            self._kill()

    def _hang_up(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None

    def _kill(self) -> None:
        self._hang_up()
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
