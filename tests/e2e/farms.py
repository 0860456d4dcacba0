"""Farm: a store, an API and workers as processes, on this machine or on hosts; the client is beside the API."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import httpx

from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.launcher.api_key import digest_of
from tests.chaos.store import ChaosStore

ROOT = Path(__file__).parents[2]
KEY = "the key of the farm"
ALL_QUEUES = "control,cpu,gpu,gpuhigh,zip"

T = TypeVar("T")
Process = subprocess.Popen


class Here:
    """This machine, where another test has a host."""

    def do(self, deed: Callable[[], T]) -> T:
        return deed()


@dataclass(frozen=True)
class Farm:
    """Each worker has one slot; `workers` are those that it began with."""

    server: Here
    environment: dict[str, str]
    folder: Path
    workers: list[Process]

    def cli(self, *arguments: object, status: int = 0) -> str:
        """What a command prints, which must end so."""
        command = [sys.executable, "-m", "pixyz_scheduler", *map(str, arguments)]
        done = self.server.do(
            lambda: subprocess.run(
                command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=120
            )
        )
        assert done.returncode == status, f"{done.stdout}\n{done.stderr}\n{self.log[-5000:]}"
        return done.stdout

    def result(self, script: Path, *options: object) -> object:
        """What a script returns."""
        return json.loads(self.cli("exec", "-s", script, "-rw", *options))

    def run(self, script: Path, *options: object) -> dict:
        """The details of a script's job once it has succeeded."""
        return self.details(self.cli("exec", "-s", script, "-wb", *options).strip())

    def details(self, uuid: str) -> dict:
        return json.loads(self.cli("details", "-j", uuid, "--json"))

    def graph(self, uuid: str) -> dict:
        return json.loads(self.cli("graph", "-j", uuid, "--json"))

    def children(self, details: dict) -> dict[str, dict]:
        """The details of what it has started, by what they do."""
        names = {node["id"]: node["entrypoint"] for node in self.graph(details["uuid"])["nodes"]}
        return {names[uuid]: self.details(uuid) for uuid in details["children"]}

    @contextmanager
    def worker(self, queues: str, place: Here | None = None) -> Iterator[Process]:
        told = {**self.environment, "QUEUE_NAME": queues}
        process = (place or self.server).do(lambda: start(("worker", "--no-watchdog"), told, self.folder))
        try:
            yield process
        finally:
            _end(process)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


@contextmanager
def a_farm(
    folder: Path,
    workers: Sequence[tuple[Here, str]],
    *,
    server: Here | None = None,
    address: str = "127.0.0.1",
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Farm]:
    """A farm with workers in these places, for these queues."""
    server = server or Here()
    with ExitStack() as stack:
        store = ChaosStore(folder / "data", server.do(free_port), host=address)
        server.do(store.start)
        stack.callback(server.do, store.kill)
        environment = _environment(folder, f"redis://{address}:{store.port}/0", address, server.do(free_port))
        environment |= settings
        stack.callback(_end, server.do(lambda: start(("api",), environment, folder)))
        farm = Farm(server, environment, folder, [])
        for place, queues in workers:
            farm.workers.append(stack.enter_context(farm.worker(queues, place)))
        while not server.do(lambda: _answers(farm.environment)):
            time.sleep(0.1)
        yield farm


def start(words: Sequence[str], environment: dict[str, str], folder: Path) -> Process:
    with (folder / "log").open("ab") as log:
        command = [sys.executable, "-m", "pixyz_scheduler", *words]
        return Process(command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True)


def _end(process: Process) -> None:
    process.terminate()
    process.wait()


def _environment(folder: Path, store: str, address: str, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT / "src"),
        "CELERY_BROKER_URL": store,
        "CELERY_RESULT_BACKEND": store,
        "SHARE_PATH": str(folder / "share"),
        "PROCESS_PATH": str(ROOT / "processes"),
        "GOD_PASSWORD_SHA256": digest_of(KEY),
        "API_HOST": address,
        "API_PORT": str(port),
        "POOL_TYPE": "solo",
        "ISOLATION": os.environ["ISOLATION"],
        "DRAIN_TIMEOUT": "0",
        "LEASE_TIME_SCALE": "0.3",
        "PIXYZ_URL": f"http://{address}:{port}",
        "PIXYZ_TOKEN": KEY,
    }


def _answers(environment: dict[str, str]) -> bool:
    try:
        with socket.create_connection((environment["API_HOST"], int(environment["API_PORT"])), timeout=1):
            pass
        return httpx.get(f"{environment['PIXYZ_URL']}/health/ready", timeout=5).is_success
    except (OSError, httpx.HTTPError):
        return False
