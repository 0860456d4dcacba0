"""A worker cut off from the network in mid-job: real network namespaces, nobody is told of the cut."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from pixyz_scheduler.launcher.api_key import digest_of
from tests.chaos.attempts import attempts_never_overlap
from tests.chaos.beacons import SCRIPT, read_beacons
from tests.chaos.facts import TERMINAL, Facts
from tests.chaos.hosts import Host, Network
from tests.chaos.store import ChaosStore
from tests.conftest import missing

ROOT = Path(__file__).parents[2]
KEY = "the key of the partition"
STORE_PORT, API_PORT = 7379, 8080
SCALE = 0.3
SECONDS = 5.0


@dataclass(frozen=True)
class Worker:
    """A worker on a host of its own."""

    host: Host
    process: "subprocess.Popen[bytes]"


@dataclass(frozen=True)
class Split:
    """The store and the API on one host, a worker on each of two others."""

    network: Network
    folder: Path
    server: Host
    http: httpx.Client
    workers: tuple[Worker, Worker]

    def send(self, seconds: float) -> str:
        params = {"kind": "work", "seconds": seconds, "bytes": 0, "beat": 0.02}
        params |= {name: str(self.folder / name) for name in ("beacons", "alive")}
        answer = self.server.do(
            lambda: self.http.post(
                "/jobs", files={"script": ("job.py", SCRIPT)}, data={"params": json.dumps(params), "config": "{}"}
            )
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["uuid"]

    def details(self, job_id: str) -> dict:
        return self.server.do(lambda: self.http.get(f"/jobs/{job_id}/details")).json()

    def ended(self, job_id: str) -> dict:
        while (details := self.details(job_id))["status"] not in TERMINAL:
            time.sleep(0.05)
        return details

    def children(self, job_id: str) -> list[int]:
        """The pids that a job has run under and that have not come to its end."""
        marks = [path for path in (self.folder / "alive").iterdir() if path.name.isdigit()]
        return [int(path.name) for path in marks if path.read_text() == job_id]


@pytest.fixture
def split(tmp_path: Path) -> Iterator[Split]:
    if sys.platform != "linux" or shutil.which("ip") is None:
        missing("Linux with the program ip")
    for name in ("share", "beacons", "alive", "local"):
        (tmp_path / name).mkdir()
    with ExitStack() as stack:
        try:
            network = stack.enter_context(Network(3))
        except (PermissionError, subprocess.CalledProcessError) as error:
            missing(f"The right to make network namespaces ({error})")
        server, *others = network.hosts
        store = ChaosStore(tmp_path / "data", STORE_PORT, host=network.address(server))
        server.do(store.start)
        stack.callback(server.do, store.kill)
        environment = _environment(tmp_path, network.address(server))
        _start(stack, server, ("api",), environment)
        workers = tuple(Worker(host, _start(stack, host, ("worker", "--no-watchdog"), environment)) for host in others)
        http = httpx.Client(
            base_url=f"http://{network.address(server)}:{API_PORT}", headers={"x-api-key": KEY}, timeout=30
        )
        stack.callback(http.close)
        while not server.do(lambda: _answers(http)):
            time.sleep(0.1)
        yield Split(network, tmp_path, server, http, workers)


def test_a_worker_that_is_cut_off_is_frozen_and_its_job_ends_elsewhere_once(split):
    job_id = split.send(SECONDS)
    while not (begun := split.children(job_id)):
        time.sleep(0.02)
    child = psutil.Process(begun[0])
    cut = next(worker for worker in split.workers if worker.process.pid in {each.pid for each in child.parents()})
    other = next(worker for worker in split.workers if worker is not cut)

    split.network.cut(cut.host)
    while child.status() != psutil.STATUS_STOPPED:
        time.sleep(0.02)
    details = split.ended(job_id)
    assert (details["status"], details["retry"]) == ("SUCCESS", 1)
    assert [attempt["outcome"] for attempt in details["attempts"]] == ["worker_lost", "success"]
    assert f"-{cut.process.pid}-" in details["attempts"][0]["worker"]
    assert f"-{other.process.pid}-" in details["attempts"][1]["worker"]
    # The cut off one has not gone on meanwhile, and has not ended either.
    assert child.status() == psutil.STATUS_STOPPED

    split.network.heal(cut.host)
    child.wait()
    # Alone now, it takes jobs again.
    other.process.terminate()
    assert other.process.wait() == 0
    again = split.ended(split.send(0.1))
    assert (again["status"], again["retry"]) == ("SUCCESS", 0)
    assert f"-{cut.process.pid}-" in again["worker"]
    # And nothing that it had in hand has changed what was told.
    assert split.details(job_id) == details
    assert not attempts_never_overlap(Facts(beats=tuple(read_beacons(split.folder / "beacons"))))


def _environment(folder: Path, server: str) -> dict[str, str]:
    store = f"redis://{server}:{STORE_PORT}/0"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT / "src"),
        "CELERY_BROKER_URL": store,
        "CELERY_RESULT_BACKEND": store,
        "SHARE_PATH": str(folder / "share"),
        "PROCESS_PATH": str(ROOT / "processes"),
        "TMPDIR": str(folder / "local"),
        "GOD_PASSWORD_SHA256": digest_of(KEY),
        "API_HOST": server,
        "API_PORT": str(API_PORT),
        "QUEUE_NAME": "cpu,gpuhigh",
        "ENGINE": "none",
        "POOL_TYPE": "solo",
        "LEASE_TIME_SCALE": str(SCALE),
        "DRAIN_TIMEOUT": "0",
    }


def _start(
    stack: ExitStack, host: Host, command: tuple[str, ...], environment: dict[str, str]
) -> "subprocess.Popen[bytes]":
    process = host.do(
        lambda: subprocess.Popen(
            [sys.executable, "-m", "pixyz_scheduler", *command],
            env=environment,
            cwd=environment["HOME"],
            start_new_session=True,
        )
    )

    def end() -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()

    stack.callback(end)
    return process


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/health/ready").status_code == 200
    except httpx.HTTPError:
        return False
