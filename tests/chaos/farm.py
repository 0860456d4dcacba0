"""Farm: the API and worker processes of a run, each in a session of its own, each behind a proxy of its own."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from typing_extensions import Self

from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.launcher.api_key import digest_of
from pixyz_scheduler.launcher.member import LIFELINE
from tests.chaos.proxy import Link, Proxies

ROOT = Path(__file__).parents[2]
MARK = "CHAOS_RUN"
"""In the environment of every process of a run. No word that a worker takes for a secret's."""

KEY = "the key of chaos"
_ZYGOTE = "pixyz_scheduler.worker.zygote"
_PLAIN = "cpu,gpuhigh"
_CHORES = "cpu,gpuhigh,zip,control,clean"


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
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self.process
        self.process.send_signal(number)

    def template(self) -> int | None:
        """The pid of its template."""
        return next((each.pid for each in _below(self.pid) if _ZYGOTE in _command(each)), None)

    def wardens(self) -> list[int]:
        """The pids of its wardens."""
        template = self.template()
        return [] if template is None else [each.pid for each in psutil.Process(template).children()]

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


class Farm:
    """All members; a context manager that kills them.

    Args:
        folder: of the run.
        proxies: give each member its link.
        scale: of the protocol's times.
        drain_timeout: seconds that a stopping worker gives its job.
        tokens: of the licence; 0 for no limit.
        workers: how many.
        apis: how many.
    """

    def __init__(
        self,
        folder: Path,
        proxies: Proxies,
        *,
        scale: float,
        drain_timeout: float,
        tokens: int,
        workers: int,
        apis: int = 2,
    ) -> None:
        self.run = secrets.token_hex(8)
        self.share = folder / "share"
        self._folder = folder
        self._common = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT / "src"),
            MARK: self.run,
            LIFELINE: "stdin",
            "SHARE_PATH": str(self.share),
            "PROCESS_PATH": str(ROOT / "processes"),
            "GOD_PASSWORD_SHA256": digest_of(KEY),
            "TMPDIR": str(folder / "local"),
            "LEASE_TIME_SCALE": str(scale),
            "DRAIN_TIMEOUT": str(drain_timeout),
            "LICENSE_TOKENS": str(tokens),
            "ENGINE": "none",
            "POOL_TYPE": "solo",
        }
        for name in ("share", "local", "logs"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        # Whoever dies is brought back by the run, which counts them.
        command = ("worker", "--no-watchdog")
        self.apis = tuple(self._api(f"api{number}", proxies) for number in range(apis))
        # Chores too on every third: archives must find somebody.
        self.workers = tuple(
            self._worker(f"w{number}", proxies, command, queues=_PLAIN if number % 3 else _CHORES)
            for number in range(workers)
        )

    @property
    def members(self) -> tuple[Member, ...]:
        """APIs and workers."""
        return (*self.apis, *self.workers)

    @property
    def names(self) -> dict[int, str]:
        """Of the members, by the pids that they had."""
        return {pid: member.name for member in self.members for pid in member.pids}

    def url(self, api: Member) -> str:
        """Where an API listens."""
        return f"http://127.0.0.1:{api.environment['API_PORT']}"

    def answers(self, api: Member) -> bool:
        """Whether an API does."""
        try:
            return httpx.get(f"{self.url(api)}/health/live", timeout=1).is_success
        except httpx.HTTPError:
            return False

    def processes(self) -> list[psutil.Process]:
        """All that carry the run's mark, whoever their parent is."""
        return [each for each in psutil.process_iter() if _mark(each) == self.run and _is_alive(each)]

    def __enter__(self) -> Self:
        for member in self.members:
            member.start()
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.signal(signal.SIGCONT)
            member.kill()
        for each in self.processes():
            with suppress(psutil.NoSuchProcess):
                each.kill()

    def _api(self, name: str, proxies: Proxies) -> Member:
        port = str(free_port())
        return self._member(name, proxies, ("api",), {"API_HOST": "127.0.0.1", "API_PORT": port}, b"the API listens on")

    def _worker(self, name: str, proxies: Proxies, command: tuple[str, ...], *, queues: str) -> Member:
        return self._member(name, proxies, command, {"QUEUE_NAME": queues}, b"listens on")

    def _member(
        self, name: str, proxies: Proxies, command: tuple[str, ...], more: Mapping[str, str], ready: bytes
    ) -> Member:
        link = proxies.link()
        store = f"redis://127.0.0.1:{link.port}/0"
        environment = {**self._common, **more, "CELERY_BROKER_URL": store, "CELERY_RESULT_BACKEND": store}
        return Member(name, link, command, environment, self._folder / "logs" / f"{name}.log", ready)


def wait_until_gone(farm: Farm, *, within: float) -> list[str]:
    """The processes of the run that are left after so many seconds, in words; returns as soon as there is none."""
    ends = time.monotonic() + within
    while left := farm.processes():
        if time.monotonic() > ends:
            return [f"{each.pid} {' '.join(_command(each))}" for each in left]
        time.sleep(0.1)
    return []


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
