"""Template: the worker's end of the zygote, which makes slots."""

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
from pixyz_scheduler.worker.forked import Slot
from pixyz_scheduler.worker.zygote import READY


class Template:
    """The zygote process; a context manager that ends it.

    Args:
        engine: `none`, or the folder where the Pixyz SDK may be: that engine, else the open one, is imported.
        environment: of the zygote and so of every script: no secret may be in it.
        freeze: seconds without a tick until a job's tree is stopped.
    """

    def __init__(self, *, engine: str, environment: Mapping[str, str], freeze: float = PACE.freeze) -> None:
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
            self._process = subprocess.Popen(  # noqa: S603  (our own module)
                [sys.executable, "-m", "pixyz_scheduler.worker.zygote", *arguments],
                pass_fds=[theirs.fileno()],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        if ours.recv(64) != READY:
            raise Unavailable(f"The template of the jobs did not start: exit status {self._process.wait()}; see above.")
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

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, theirs: socket.socket) -> None:
        if self._control is None:
            raise BrokenPipeError
        socket.send_fds(self._control, [b"slot"], [theirs.fileno()])
