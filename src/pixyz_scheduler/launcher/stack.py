"""Stack: the whole scheduler on one machine: store, API, a worker for 3D jobs, one for the rest."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
from typing_extensions import Self

from pixyz_scheduler.broker.embedded import EmbeddedStore
from pixyz_scheduler.errors import SchedulerError, Unavailable
from pixyz_scheduler.launcher.interrupts import Interrupts
from pixyz_scheduler.launcher.member import Member
from pixyz_scheduler.launcher.new_share import accept_new_share

_log = logging.getLogger(__name__)

_LOOK = 0.2
_STORE_PAUSE = 5.0
_START_PATIENCE = 120.0
_MARGIN = 10.0


@dataclass(frozen=True)
class Plan:
    """What to start.

    Attributes:
        host: the API's address.
        port: the API's port.
        key_digest: SHA-256 of the API key.
        share_path: the shared folder.
        store_data: where the embedded store keeps its data; None where a store is configured.
        drain_timeout: seconds that a worker gives its jobs when it ends.
        metrics_ports: of the two workers; 0 for none.
    """

    host: str
    port: int
    key_digest: str
    share_path: Path
    store_data: Path | None
    drain_timeout: float
    metrics_ports: tuple[int, int] = (0, 0)

    @property
    def url(self) -> str:
        """Where the API is, seen from this machine."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104  (all of them; one will do)
        return f"http://{host}:{self.port}"


class Stack:
    """A running stack, in which what dies starts again; a context manager that ends it in order: API, workers, store.

    Args:
        plan: what to start.
        environment: of all processes; ours where None.
        output: where they write; None for our own streams.
        interrupts: who may cut the start short, and the end.
        on_hopeless: called once, from another thread, when a part of it dies again and again.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        environment: Mapping[str, str] | None = None,
        output: IO[bytes] | None = None,
        interrupts: Interrupts | None = None,
        on_hopeless: Callable[[str], None] | None = None,
    ) -> None:
        self.plan = plan
        self._interrupts = interrupts or Interrupts()
        self._environment = dict(os.environ if environment is None else environment)
        self._output = output
        self._on_hopeless = on_hopeless
        self._closing = threading.Event()
        self._leave = ExitStack()
        self._store: EmbeddedStore | None = None
        self._store_due = 0.0
        self._members: list[Member] = []
        self._watch = threading.Thread(target=self._revive, name="launcher", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        self.plan.share_path.mkdir(parents=True, exist_ok=True)
        shared = {
            **self._environment,
            "API_HOST": self.plan.host,
            "API_PORT": str(self.plan.port),
            "GOD_PASSWORD_SHA256": self.plan.key_digest,
            "SHARE_PATH": str(self.plan.share_path),
            # Nobody would start them again.
            "IDLE_TIMEOUT": "0",
        }
        if self.plan.store_data is not None:
            self._store = self._leave.enter_context(EmbeddedStore.start(self.plan.store_data))
            shared |= self._store.environment
            accept_new_share(self.plan.share_path, self._store.store_url)
        first, second = map(str, self.plan.metrics_ports)
        jobs = {**shared, "QUEUE_NAME": "cpu,gpu,gpuhigh", "POOL_TYPE": "solo", "METRICS_PORT": first}
        rest = {**shared, "QUEUE_NAME": "control,zip,clean", "POOL_TYPE": "pool", "DISABLE_PIXYZ": "true"}
        rest["METRICS_PORT"] = second
        worker = ["worker", "--no-watchdog"]
        self._members = [
            Member("API", ["api"], environment=shared, output=self._output),
            Member("worker for cpu, gpu, gpuhigh", worker, environment=jobs, output=self._output),
            Member("worker for control, zip, clean", worker, environment=rest, output=self._output),
        ]
        for member in self._members:
            member.start()
        self._wait_for_api()
        self._watch.start()

    def _wait_for_api(self) -> None:
        api = self._members[0]
        give_up = time.monotonic() + _START_PATIENCE
        while not self._interrupts.end.is_set() and not self._answers():
            if api.exit_status is not None:
                raise Unavailable(f"The API did not start: exit status {api.exit_status}.")
            if time.monotonic() > give_up:
                raise Unavailable(f"The API does not answer at {self.plan.url} after {_START_PATIENCE:g} s.")
            self._closing.wait(_LOOK)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.plan.url}/health/live", timeout=1.0, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _revive(self) -> None:
        while not self._closing.wait(_LOOK):
            now = time.monotonic()
            self._revive_store(now)
            for member in self._members:
                member.revive(now)
                if member.is_hopeless and self._on_hopeless is not None:
                    self._on_hopeless(f"The {member.name} dies at each start.")
                    self._on_hopeless = None

    def _revive_store(self, now: float) -> None:
        if self._store is None or now < self._store_due:
            return
        try:
            if self._store.revive():
                _log.warning("the store had died: it has started again, on the same data")
        except (SchedulerError, OSError):
            self._store_due = now + _STORE_PAUSE
            _log.exception("the store has died and does not start: the next try is in %g s", _STORE_PAUSE)

    def _stop(self) -> None:
        self._closing.set()
        if self._watch.is_alive():
            self._watch.join()
        patience = self.plan.drain_timeout + _MARGIN
        # No new jobs, then no workers, then no store.
        for group in (self._members[:1], self._members[1:]):
            for member in group:
                member.stop()
            for member in group:
                member.wait(patience, self._interrupts.at_once)
        self._leave.close()
