"""Member: one process of the farm, in a session of its own, started again and again."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.chaos.proxy import Link

_ZYGOTE = "pixyz_scheduler.worker.isolation.zygote"


@dataclass
class Member:
    """One process of the farm, started again and again.

    Attributes:
        name: in the logs.
        link: its way to the store.
        command: of `pixyz-scheduler`.
        environment: of its own.
        log: where its output goes.
        ready: a line of the log that says it works.
        process: that runs, or ran last.
        leaving: it was asked to.
        pids: of all that ran.
    """

    name: str
    link: Link
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    ready: bytes
    process: "subprocess.Popen[bytes] | None" = None
    leaving: bool = False
    pids: list[int] = field(default_factory=list)
    _read_from: int = 0
    _is_up: bool = False

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self.process
        return self.process.pid

    def start(self) -> None:
        """Start it; whatever was is gone."""
        self._read_from = self.log.stat().st_size if self.log.exists() else 0
        self._is_up = self.leaving = False
        self.let_go()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pixyz_scheduler", *self.command],
                env=dict(self.environment),
                cwd=self.log.parent,
                # It ends when we do, however we do.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pids.append(self.process.pid)

    @property
    def is_running(self) -> bool:
        """It has not exited."""
        return self.process is not None and self.process.poll() is None

    def is_up(self) -> bool:
        """It runs, has said that it is ready, and was not asked to leave."""
        if not self.is_running or self.leaving:
            return False
        if not self._is_up:
            with self.log.open("rb") as log:
                log.seek(self._read_from)
                self._is_up = self.ready in log.read()
        return self._is_up

    def kill(self) -> None:
        """Kill -9, and reap."""
        assert self.process
        self.process.kill()
        self.reap()

    def reap(self) -> int:
        """Wait for its end; its exit status."""
        assert self.process
        self.let_go()
        return self.process.wait()

    def let_go(self) -> None:
        """Close our end of its lifeline, also of one that has ended by itself."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self.process
        self.process.send_signal(number)

    def template(self) -> int | None:
        """The pid of its template."""
        return next((each.pid for each in _below(self.pid) if _ZYGOTE in command_of(each)), None)

    def wardens(self) -> list[int]:
        """The pids of its wardens."""
        template = self.template()
        return [] if template is None else [each.pid for each in psutil.Process(template).children()]

    def kill_head(self) -> list[psutil.Process]:
        """Itself, its template and its wardens at once; who is left of it: the processes of its jobs."""
        head = [psutil.Process(self.pid)]
        with suppress(psutil.NoSuchProcess):
            head += [psutil.Process(pid) for pid in (self.template(), *self.wardens()) if pid is not None]
        left = [each for each in _below(self.pid) if each not in head]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for each in head:
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(number)
        self.reap()
        return left

    def kill_machine(self) -> None:
        """All of its processes at once, as when the machine loses power."""
        everything = [psutil.Process(self.pid), *_below(self.pid)]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for each in everything:
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(number)
            # What was forked before the stop.
            everything += [each for each in _below(self.pid) if each not in everything]
        self.reap()


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def command_of(process: psutil.Process) -> list[str]:
    """Its words; none where it is gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def is_alive(process: psutil.Process) -> bool:
    """It is that very process, and no zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
