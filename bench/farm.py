"""Farm: a store, an API and the workers that a figure asks for, on free ports, ended with it."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from bench.caller import Caller, whole
from pixyz_scheduler.broker.embedded import EmbeddedStore
from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.launcher.api_key import digest_of, new_key
from pixyz_scheduler.launcher.member import Member

_PATIENCE = 60.0
_NOTHING = b"def main(pc, params):\n    pass\n"


@dataclass(frozen=True)
class WorkerPlan:
    """One worker: where it listens, how many jobs it runs at a time, whether it has the 3D engine."""

    queues: str = "cpu"
    slots: int = 1
    engine: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_environment(self) -> dict[str, str]:
        """As settings."""
        pool = {"POOL_TYPE": "pool", "CONCURRENT_TASKS": str(self.slots)} if self.slots > 1 else {"POOL_TYPE": "solo"}
        return {"QUEUE_NAME": self.queues, "DISABLE_PIXYZ": str(not self.engine).lower(), **pool, **self.environment}


class Farm:
    """A running one; made by `farm`."""

    def __init__(self, folder: Path, store: EmbeddedStore) -> None:
        self.folder = folder
        self.store = store
        self.share = folder / "share"
        self.port = free_port()
        self._key = new_key()
        self._log = (folder / "log.txt").open("ab")
        self.members: list[Member] = []
        self._environment = {
            **os.environ,
            **store.environment,
            "API_HOST": "127.0.0.1",
            "API_PORT": str(self.port),
            "GOD_PASSWORD_SHA256": digest_of(self._key),
            "SHARE_PATH": str(self.share),
            "LOG_LEVEL": "WARNING",
            "DRAIN_TIMEOUT": "0",
        }

    @property
    def api_pid(self) -> int:
        """Of the API."""
        return next(member.pid or 0 for member in self.members if member.name == "API")

    def caller(self) -> Caller:
        """A connection of its own to the API."""
        return Caller(self.port, self._key)

    def client_environment(self) -> dict[str, str]:
        """Of the command line."""
        return {**os.environ, "PIXYZ_URL": f"http://127.0.0.1:{self.port}", "PIXYZ_TOKEN": self._key}

    def start_api(self) -> Member:
        """Start it, and wait until it answers."""
        api = self._start("API", ["api"], {})
        give_up = time.monotonic() + _PATIENCE
        while not self._answers():
            if api.exit_status is not None or time.monotonic() > give_up:
                raise RuntimeError(f"the API does not start:\n{self.log_tail()}")
            time.sleep(0.01)
        return api

    def start_worker(self, plan: WorkerPlan) -> Member:
        """Start one, and do not wait."""
        return self._start(f"worker for {plan.queues}", ["worker", "--no-watchdog"], plan.to_environment())

    def warm_up(self, queues: Sequence[str], *, jobs: int = 5) -> None:
        """Some jobs through each queue: all is loaded, and spare children wait."""
        with self.caller() as caller:
            for queue in queues:
                request = caller.prepared("POST", "/jobs", whole(_NOTHING, config={"queue": queue}))
                for _ in range(jobs):
                    caller.ended(caller.post(request))

    def log_tail(self) -> str:
        """What its processes said last."""
        return "\n".join((self.folder / "log.txt").read_text(errors="replace").splitlines()[-20:])

    def end(self, member: Member) -> None:
        """One of it."""
        member.stop()
        member.wait(_PATIENCE, Event())
        self.members.remove(member)

    def close(self) -> None:
        """All of it, the API first."""
        for member in list(self.members):
            self.end(member)
        self._log.close()

    def _start(self, name: str, command: list[str], more: Mapping[str, str]) -> Member:
        member = Member(name, command, environment={**self._environment, **more}, output=self._log)
        member.start()
        self.members.append(member)
        return member

    def _answers(self) -> bool:
        try:
            with self.caller() as caller:
                return caller.send(caller.prepared("GET", "/health/live"))[0] == 200
        except OSError:
            return False


@contextmanager
def farm(folder: Path, *workers: WorkerPlan) -> Iterator[Farm]:
    """A store with AOF, an API and these workers, each of which has run some jobs."""
    folder.mkdir(parents=True)
    (folder / "share").mkdir()
    with EmbeddedStore.start(folder / "store") as store:
        running = Farm(folder, store)
        try:
            running.start_api()
            for plan in workers:
                running.start_worker(plan)
            running.warm_up([queue for plan in workers for queue in plan.queues.split(",")])
            yield running
        except RuntimeError as error:
            error.add_note(running.log_tail()) if hasattr(error, "add_note") else print(running.log_tail())
            raise
        finally:
            running.close()
