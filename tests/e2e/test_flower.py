"""Celery's own tools on a farm of ours: `inspect`, and the real Flower."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec

import httpx
import pytest

from pixyz_scheduler.cli.server import free_port
from tests.conftest import missing
from tests.e2e.test_workers import GATE, farm, queue  # noqa: F401  (fixtures)


def celery(farm, *arguments, status=0):  # noqa: F811
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "pixyz_worker:app", *arguments],
        env=farm.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == status, done.stderr + done.stdout
    return done.stdout


def inspected(farm, queue, what):  # noqa: F811
    """What the one worker on this queue answers."""
    while True:
        answers = json.loads(celery(farm, "inspect", "--json", "--timeout", "2", what))
        queues = json.loads(celery(farm, "inspect", "--json", "--timeout", "2", "active_queues"))
        mine = [name for name, served in queues.items() if [each["name"] for each in served] == [queue]]
        if mine and mine[0] in answers:
            return answers[mine[0]]


@contextmanager
def at_work(farm, queue, tmp_path):  # noqa: F811
    """A job that runs until `gate` is there; its id, and the gate."""
    here, gate = tmp_path / "here", tmp_path / "gate"
    job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
    while not here.exists():
        time.sleep(0.05)
    yield job_id, gate
    gate.touch()


def test_inspect_sees_our_workers_and_the_job_that_one_runs(farm, queue, tmp_path):  # noqa: F811
    with farm.worker(queue), at_work(farm, queue, tmp_path) as (job_id, _):
        (active,) = inspected(farm, queue, "active")
        assert (active["id"], active["name"]) == (job_id, "pixyz_worker.tasks.pixyz_execute")
        assert inspected(farm, queue, "registered") == ["pixyz_worker.tasks.pixyz_execute"]
        assert inspected(farm, queue, "ping") == {"ok": "pong"}
        assert inspected(farm, queue, "stats")["pool"]


def test_revoke_cancels_the_job_waiting_or_running(farm, queue, tmp_path):  # noqa: F811
    with farm.worker(queue), at_work(farm, queue, tmp_path) as (running, _):
        waiting = farm.send(GATE, queue=queue, here=str(tmp_path / "never"), gate="")
        celery(farm, "control", "revoke", waiting)
        celery(farm, "control", "terminate", "SIGKILL", running)
        assert [farm.ended(each)["status"] for each in (running, waiting)] == ["REVOKED"] * 2
    assert not (tmp_path / "never").exists()


def test_shutdown_is_a_drain(farm, queue, tmp_path):  # noqa: F811
    with farm.worker(queue, DRAIN_TIMEOUT="60") as process, at_work(farm, queue, tmp_path) as (job_id, gate):
        (name,) = json.loads(celery(farm, "inspect", "--json", "ping"))
        celery(farm, "control", "-d", name, "shutdown")
        while not farm.worker_of(process.pid)["draining"]:
            time.sleep(0.05)
        gate.touch()
        assert (process.wait(), farm.ended(job_id)["status"]) == (0, "SUCCESS")


def test_the_real_flower_shows_workers_and_tasks_and_cancels(farm, queue, tmp_path):  # noqa: F811
    if find_spec("flower") is None:
        missing("flower")
    port = free_port()
    options = ["--address=127.0.0.1", f"--port={port}", "--persistent=False"]
    with farm.worker(queue):
        flower = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "pixyz_worker:app", "flower", *options],
            env={**farm.environment, "FLOWER_UNAUTHENTICATED_API": "true"},
            cwd=tmp_path,
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=30) as api:
                listens = _until(lambda: _workers(api, queue))
                assert listens
                done = _told(farm, api, queue)
                with at_work(farm, queue, tmp_path) as (running, _):
                    task = _until(lambda: _task(api, running, "STARTED"))
                    assert (task["name"], task["uuid"]) == ("pixyz_worker.tasks.pixyz_execute", running)
                    assert task["received"] <= task["started"]
                    assert api.post(f"/task/revoke/{running}", params={"terminate": "true"}).status_code == 200
                    assert farm.ended(running)["status"] == "REVOKED"
                assert done["received"] <= done["started"] <= done["succeeded"]
        finally:
            flower.terminate()
            flower.wait()


def _told(farm, api, queue):  # noqa: F811
    """A task that Flower saw from beginning to end; events are sent from the moment when Flower has asked for them."""
    while True:
        job_id = farm.send("def main(pc, params): return 1\n", queue=queue)
        assert farm.ended(job_id)["status"] == "SUCCESS"
        for _ in range(20):
            if task := _task(api, job_id, "SUCCESS"):
                return task
            time.sleep(0.1)


def _until(look):
    while not (found := look()):
        time.sleep(0.1)
    return found


def _get(api, path, **params):
    try:
        answer = api.get(path, params=params)
    except httpx.TransportError:  # not there yet
        return {}
    return answer.json() if answer.status_code == 200 else {}


def _workers(api, queue):  # noqa: F811
    workers = _get(api, "/workers", refresh="true")
    return [name for name, facts in workers.items() if queue in str(facts.get("active_queues"))]


def _task(api, job_id, state):
    task = _get(api, "/tasks").get(job_id)
    return task if task and task["state"] == state else None


@pytest.fixture(autouse=True)
def _no_flower_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("FLOWER_")]:
        monkeypatch.delenv(name)
