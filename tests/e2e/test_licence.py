"""A worker's licence as its launcher and its farm see it, with a stand-in for the Pixyz SDK."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.test_workers import GATE, farm, queue  # noqa: F401  (fixtures)

ROOT = Path(__file__).parents[2]
STUB = ROOT / "tests" / "fakes" / "pxz_stub"


def worker(*options, **environment):
    return subprocess.run(
        [sys.executable, "-m", "pixyz_scheduler", "worker", *options],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "CELERY_BROKER_URL": "redis+socket:///nowhere.sock?virtual_host=0",
            "PIXYZ_PYTHON_PATH": str(STUB),
            "LICENSE_HOST": "licences.invalid",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.parametrize("options", [(), ("--no-watchdog",)])
@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_worker_without_a_licence_says_so_and_ends_with_status_100(options, isolation):
    done = worker(*options, PXZ_STUB_LICENCE="none", ISOLATION=isolation)
    assert done.returncode == 100, done.stderr
    assert "CRITICAL" in done.stderr
    assert "gives none. Asked was licences.invalid:27000. This worker ends: exit status 100" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_licence_that_never_comes_does_not_hold_the_worker_for_ever():
    done = worker(PXZ_STUB_INITIALIZE="hang", ISOLATION="spawn", LICENSE_TIMEOUT="3")
    assert done.returncode == 100, done.stderr
    assert "not come to a licence in 3 s (LICENSE_TIMEOUT)" in done.stderr


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_job_that_waits_for_a_seat_is_not_charged_for_it(farm, queue, tmp_path, isolation):  # noqa: F811
    """Two workers, one token, three jobs: each runs once, none at the same time as another."""
    log = tmp_path / "pxz.log"
    source = """
import os, time
def main(pc, params):
    os.close(os.open(params["seat"], os.O_CREAT | os.O_EXCL))
    time.sleep(0.2)
    os.unlink(params["seat"])
    return "alone"
"""
    settings = {
        "ENGINE": "auto",
        "PIXYZ_PYTHON_PATH": str(STUB),
        "LICENSE_ACQUIRE_AT_START": "false",
        "LICENSE_TOKENS": "1",
        "ISOLATION": isolation,
        "PXZ_STUB_LOG": str(log),
    }
    with farm.worker(queue, **settings), farm.worker(queue, **settings):
        jobs = [farm.send(source, queue=queue, seat=str(tmp_path / "seat")) for _ in range(3)]
        ended = [farm.ended(job_id) for job_id in jobs]
    assert [job["result"] for job in ended] == ["alone"] * 3, ended
    assert [(job["retry"], len(job["attempts"])) for job in ended] == [(0, 1)] * 3
    called = [line.split()[1] for line in log.read_text().splitlines()]
    assert called.count("initialize") == called.count("release") == 3


def test_a_worker_gives_its_licence_back_when_it_is_told_to_end(farm, queue, tmp_path):  # noqa: F811
    log, here, gate = (tmp_path / name for name in ("pxz.log", "here", "gate"))
    settings = {"ENGINE": "pixyz", "PIXYZ_PYTHON_PATH": str(STUB), "PXZ_STUB_LOG": str(log)}
    with farm.worker(queue, **settings) as process:
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
        while not here.exists():
            time.sleep(0.05)
        assert "release" not in log.read_text()
        gate.touch()
        assert farm.ended(job_id)["status"] == "SUCCESS"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    called = [line.split()[1] for line in log.read_text().splitlines()]
    assert called == ["initialize", "core.checkLicense", "core.resetSession", "release"]
