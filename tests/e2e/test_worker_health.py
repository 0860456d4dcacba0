"""A worker as a process, asked by its port how it is: while it works, leaves, and when its store or share is away."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from pixyz_scheduler.cli.server import free_port
from tests.e2e.test_workers import GATE, _text, away, farm, queue, the_worker  # noqa: F401  (fixtures)


class Port:
    """A worker's."""

    def __init__(self):
        self.number = free_port()
        self.setting = {"METRICS_PORT": str(self.number), "METRICS_HOST": "127.0.0.1"}

    def get(self, path: str) -> httpx.Response:
        """What it answers, as soon as it does."""
        while True:
            try:
                return httpx.get(f"http://127.0.0.1:{self.number}{path}", trust_env=False)
            except httpx.TransportError:  # noqa: PERF203  (it has not started)
                time.sleep(0.05)

    def ready_says(self, status: int, part: str | None = None) -> None:
        """Asks until it is so."""
        while True:
            answer = self.get("/health/ready")
            if answer.status_code == status and (part is None or part in answer.json()["problems"]):
                return
            time.sleep(0.05)


@pytest.fixture
def port() -> Port:
    return Port()


def test_a_worker_is_ready_while_it_takes_jobs_and_lives_until_it_has_left(farm, queue, port, tmp_path):  # noqa: F811
    here, gate = tmp_path / "here", tmp_path / "gate"
    with farm.worker(queue, **port.setting, DRAIN_TIMEOUT="120") as worker:
        port.ready_says(200)
        assert "pixyz_worker_slots_busy 0.0" in port.get("/metrics").text
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
        _text(here)
        assert "pixyz_worker_slots_busy 1.0" in port.get("/metrics").text
        worker.send_signal(signal.SIGTERM)
        port.ready_says(503, "worker")
        assert port.get("/health/live").status_code == 200
        assert "pixyz_worker_draining 1.0" in port.get("/metrics").text
        gate.touch()
        assert worker.wait() == 0
    assert farm.ended(job_id)["status"] == "SUCCESS"


def test_a_worker_whose_store_or_share_is_away_lives_and_is_not_ready(farm, queue, port):  # noqa: F811
    share = Path(farm.environment["SHARE_PATH"])
    with farm.worker(queue, **port.setting):
        port.ready_says(200)
        with away(farm.store):
            port.ready_says(503, "store")
            assert port.get("/health/live").status_code == 200
        port.ready_says(200)
        share.rename(share.with_name("elsewhere"))
        share.mkdir()
        try:
            port.ready_says(503, "share")
            assert port.get("/health/live").status_code == 200
        finally:
            share.rmdir()
            share.with_name("elsewhere").rename(share)
        port.ready_says(200)


def test_a_worker_that_was_killed_in_mid_job_has_its_port_again_when_it_restarts(farm, queue, port, tmp_path):  # noqa: F811
    here, gate = tmp_path / "here", tmp_path / "gate"
    with farm.worker(queue, watchdog="--watchdog", **port.setting, LEASE_TIME_SCALE="0.1") as watchdog:
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
        _text(here)
        before = port.get("/metrics").text
        the_worker(watchdog.pid).kill()
        gate.touch()
        assert farm.ended(job_id)["status"] == "SUCCESS"
        port.ready_says(200)
        after = port.get("/metrics").text
    assert [line for line in before.splitlines() if line.startswith("pixyz_worker_info")] != [
        line for line in after.splitlines() if line.startswith("pixyz_worker_info")
    ]


@pytest.mark.parametrize("watchdog", ["--watchdog", "--no-watchdog"])
def test_a_taken_port_stops_the_start_in_words(farm, queue, watchdog):  # noqa: F811
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "pixyz_scheduler", "worker", watchdog],
            env={**farm.environment, "QUEUE_NAME": queue, "METRICS_PORT": port, "METRICS_HOST": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    assert f"port {port} of 127.0.0.1" in last
    assert "METRICS_PORT" in last
    assert "Traceback" not in done.stderr


def test_a_worker_without_the_setting_opens_no_port(farm, queue):  # noqa: F811
    with farm.worker(queue) as worker:
        farm.ended(farm.send("def main(pc, params):\n    return 1\n", queue=queue))
        listens = [one for one in psutil.Process(worker.pid).net_connections() if one.status == psutil.CONN_LISTEN]
    assert listens == []
