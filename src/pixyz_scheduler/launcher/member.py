"""Member: one process of the stack, restarted when it dies."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO

from pixyz_scheduler.process_signals import apart, end_signal

_log = logging.getLogger(__name__)

# Seconds before a member that has died starts again: longer each time, short again once it has lived for a while.
_PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0)
_LIVED = 30.0
_HOPELESS = 3
_LOOK = 0.05
LIFELINE = "PIXYZ_LIFELINE"
# The exit status of a worker that `admin drain` has called off.
CALLED_OFF = 76


class Member:
    """One process: `python -m pixyz_scheduler COMMAND`. It ends when this process does, however that comes about.

    Args:
        name: for the log.
        arguments: of the command line.
        environment: whole.
        output: where both its streams go; None for ours.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: IO[bytes] | None = None,
    ) -> None:
        self.name = name
        self._arguments = [sys.executable, "-m", "pixyz_scheduler", *arguments]
        self._environment = {**environment, LIFELINE: "stdin"}
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths = 0
        self._started = 0.0
        self._due = 0.0

    @property
    def exit_status(self) -> int | None:
        """None while it runs; negative for a signal."""
        return None if self._process is None else self._process.poll()

    @property
    def was_called_off(self) -> bool:
        """It has ended because somebody wanted it to, by `admin drain`: it does not start again."""
        return self.exit_status == CALLED_OFF

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return None if self._process is None else self._process.pid

    @property
    def is_hopeless(self) -> bool:
        """It has died soon after its start again and again."""
        return self._deaths >= _HOPELESS

    def start(self) -> None:
        """Start it."""
        self._started = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603  (our own command)
            self._arguments,
            env=self._environment,
            # It reads this pipe: at its end we are gone, and it goes too.
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=self._output,
            # Ctrl-C reaches us; we end the members in order.
            **apart(),
        )

    def revive(self, now: float) -> None:
        """Start it again where it has died and its pause is over; to be called now and then."""
        if self._process is None or self.exit_status is None or self.was_called_off:
            return
        if not self._due:
            self._due = now + self._pause(now)
        if now >= self._due:
            self._due = 0.0
            self._close()
            self.start()

    def _pause(self, now: float) -> float:
        if self.exit_status == 0:
            # It wanted to: MAX_TASKS_BEFORE_SHUTDOWN.
            _log.info("%s has ended: it starts again", self.name)
            return 0.0
        self._deaths = 0 if now - self._started > _LIVED else self._deaths
        pause = _PAUSES[min(self._deaths, len(_PAUSES) - 1)]
        self._deaths += 1
        _log.warning("%s has died (exit status %s): it starts again in %g s", self.name, self.exit_status, pause)
        return pause

    def stop(self) -> None:
        """Ask it to end, by SIGTERM, or by what Windows has in its stead."""
        if self._process is not None and self.exit_status is None:
            try:
                self._process.send_signal(getattr(signal, end_signal()))
            except OSError:
                # Windows, without a console: it ends at the end of its standard input.
                self._close()

    def has_ended(self, timeout: float, at_once: threading.Event) -> bool:
        """Wait for its end, no longer than this and not once `at_once` is set; whether it came."""
        give_up = time.monotonic() + timeout
        while self.exit_status is None and not at_once.is_set() and time.monotonic() < give_up:
            at_once.wait(_LOOK)
        return self.exit_status is not None

    def wait(self, timeout: float, at_once: threading.Event) -> None:
        """Wait for its end; kill it when that takes longer, or when `at_once` is set."""
        if self._process is None:
            return
        if not self.has_ended(timeout, at_once):
            if not at_once.is_set():
                _log.warning("%s did not end within %g s: killed", self.name, timeout)
            self._kill(self._process)
        self._close()

    @staticmethod
    def _kill(process: "subprocess.Popen[bytes]") -> None:
        """With all of its session: a template in mid-start would else complain at length that its worker is gone."""
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
