"""Farm: the API and worker processes of a run, each in a session of its own, each behind a proxy of its own."""

import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil
from typing_extensions import Self

from pixyz_scheduler.launcher.api_key import digest_of
from pixyz_scheduler.launcher.member import LIFELINE
from tests.chaos.member import Member, command_of
from tests.chaos.plans import MEMORY_GPUHIGH_KIB, MEMORY_KIB
from tests.chaos.ports import lasting_port
from tests.chaos.proxy import Proxies
from tests.chaos.watcher import with_mark

ROOT = Path(__file__).parents[2]
MARK = "CHAOS_RUN"
"""In the environment of every process of a run. No word that a worker takes for a secret's."""

KEY = "the key of chaos"
_PLAIN = "cpu,gpuhigh"
_CHORES = "cpu,gpuhigh,zip,control,clean"


class Farm:
    """All members; a context manager that kills them. What they leave behind is for a Watcher.

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
            "MAX_MEMORY_USAGE": str(MEMORY_KIB),
            "MAX_MEMORY_USAGE_GPUHIGH": str(MEMORY_GPUHIGH_KIB),
            # A job's own limit counts for its second attempt, too.
            "PIXYZ_RETRY_TIME_LIMIT": "1",
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
        return with_mark(self.mark)

    @property
    def mark(self) -> str:
        """In the environment of each of them."""
        return f"{MARK}={self.run}"

    def __enter__(self) -> Self:
        for member in self.members:
            member.start()
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            if member.is_running:
                member.kill()
            member.let_go()

    def _api(self, name: str, proxies: Proxies) -> Member:
        port = str(lasting_port())
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
            return [f"{each.pid} {' '.join(command_of(each))}" for each in left]
        time.sleep(0.1)
    return []
