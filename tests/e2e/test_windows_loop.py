"""Celery's part of a worker on Windows has no event loop: what our worker asks of it goes without."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.e2e.farms import ALL_QUEUES, a_farm

FAKE = Path(__file__).parents[1] / "fakes" / "worker_as_on_windows.py"
SCRIPT = "def main(pc, params):\n    return params['n'] + 1\n"


@pytest.fixture
def farm(tmp_path):
    with a_farm(tmp_path, []) as farm:
        yield farm


@pytest.fixture
def worker(farm):
    environment = {**farm.environment, "QUEUE_NAME": ALL_QUEUES, "ISOLATION": "spawn", "ENGINE": "none"}
    with (farm.folder / "log").open("ab") as log:
        process = subprocess.Popen([sys.executable, FAKE], env=environment, cwd=farm.folder, stdout=log, stderr=log)
    yield process
    process.kill()
    process.wait()


def test_a_worker_without_celerys_event_loop_works_answers_and_leaves(farm, worker, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    assert farm.result(script, "-p", '{"n": 41}') == 42
    celery = [sys.executable, "-m", "celery", "-A", "pixyz_worker:app", "inspect", "ping", "-t", "5"]
    environment = farm.environment
    asked = subprocess.run(celery, env=environment, cwd=farm.folder, capture_output=True, text=True, check=False)
    assert "pong" in asked.stdout, asked.stderr
    worker.terminate()
    while worker.poll() is None:
        threading.Event().wait(0.05)
    assert worker.returncode == 0, farm.log
