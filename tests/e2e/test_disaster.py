"""The store is lost with all that it knew: the share gives it back. The drill of docs/how-to/back-up-and-restore.md."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.cli.server import own_stack

ROOT = Path(__file__).parents[2]
ENDED = ("SUCCESS", "FAILURE", "REVOKED")

MAKES = """
import os

def main(pc, params):
    pc.progress_set_total(2)
    pc.progress_next("Writing é")
    with open(os.path.join(pc.get_output_dir(), "part.txt"), "w") as file:
        file.write("made")
    pc.progress_next("Reading")
    return {"made": params["n"], "text": "\u20ac"}
"""
FAILS = """
def main(pc, params):
    pc.progress_next("Trying")
    raise ValueError("no such part: é")
"""
WAITS = """
import os, time

def main(pc, params):
    with open(params["log"], "a") as file:
        file.write("x")
    while not os.path.exists(params["go"]):
        time.sleep(0.05)
    return "at last"
"""


class Farm:
    """A stack with its data in a folder, and what is asked of it."""

    def __init__(self, stack, http, folder):
        self.stack, self.http, self.folder = stack, http, folder

    def send(self, source, **fields):
        answer = self.http.post("/jobs", files={"script": ("job.py", source)}, data=fields)
        assert answer.status_code == 200, answer.text
        return answer.json()["uuid"]

    def status(self, job):
        return self.http.get(f"/jobs/{job}").json()["status"]

    def details(self, job):
        return self.http.get(f"/jobs/{job}/details").content

    def wait(self, job, *statuses):
        """pytest-timeout ends it."""
        while (status := self.status(job)) not in statuses:
            assert status not in ENDED, self.details(job)
            time.sleep(0.05)

    def archive(self, job):
        while (answer := self.http.get(f"/jobs/{job}/outputs/archive")).status_code == 425:
            time.sleep(0.05)
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            return {name: packed.read(name) for name in packed.namelist()}

    def reconcile(self, *options):
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("CELERY_", "REDIS_"))},
            "PYTHONPATH": str(ROOT / "src"),
            "DATA_PATH": str(self.folder / "data"),
            "SHARE_PATH": str(self.folder / "share"),
        }
        command = [sys.executable, "-m", "pixyz_scheduler", "admin", "reconcile", *options]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=120
        )


@contextmanager
def farm_in(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT / "src"))
        with (
            own_stack(folder) as (stack, key),
            httpx.Client(base_url=stack.plan.url, headers={"x-api-key": key}, timeout=30) as http,
        ):
            yield Farm(stack, http, folder)


def fill(farm, go, log):
    """A job in every state; the worker for cpu has one slot, and the waiting one sits before it."""
    ended = {
        farm.send(MAKES, params='{"n": 1}', name="né"): "SUCCESS",
        farm.send(FAILS, name="bad"): "FAILURE",
        farm.send(MAKES, params='{"n": 2}', config='{"queue": "nobody"}'): "REVOKED",
    }
    farm.http.post(f"/jobs/{list(ended)[2]}/cancel").raise_for_status()
    for job, status in ended.items():
        farm.wait(job, status)
    running = farm.send(WAITS, params=json.dumps({"go": str(go), "log": str(log)}))
    farm.wait(running, "STARTED", "RUNNING")
    waiting = [farm.send(MAKES, params=json.dumps({"n": number})) for number in (3, 4)]
    while not all((farm.folder / "share" / job / ".state" / "final.json").exists() for job in ended):
        time.sleep(0.05)
    return ended, running, waiting


def told(farm, ended):
    made = next(iter(ended))
    listed = [job for job in farm.http.get("/jobs").json()["jobs"] if job["uuid"] in ended]
    return (
        [farm.details(job) for job in ended],
        listed,
        farm.archive(made),
        farm.http.get(f"/jobs/{made}/outputs").json(),
    )


def test_a_store_that_was_lost_is_rebuilt_from_the_share(tmp_path):
    go, log = tmp_path / "go", tmp_path / "log"
    with farm_in(tmp_path) as farm:
        ended, running, waiting = fill(farm, go, log)
        before = told(farm, ended)
    shutil.rmtree(tmp_path / "data" / "store")
    with farm_in(tmp_path) as farm:
        assert farm.http.get("/jobs").json()["jobs"] == []
        dry = farm.reconcile("--dry-run", "--json")
        assert dry.returncode == 0, dry.stderr
        assert farm.http.get("/jobs").json()["jobs"] == []
        done = farm.reconcile()
        assert done.returncode == 0, done.stderr
        assert "ended, restored  (FAILURE 1, REVOKED 1, SUCCESS 1)" in done.stdout
        assert told(farm, ended) == before
        assert [farm.status(job) for job in waiting] == ["PENDING", "PENDING"]
        go.touch()
        for job in (running, *waiting):
            farm.wait(job, "SUCCESS")
        assert [json.loads(farm.details(job))["result"]["made"] for job in waiting] == [3, 4]
        assert json.loads(farm.details(running))["result"] == "at last"
        assert log.read_text() == "xx"
        assert farm.archive(waiting[0]) == {"part.txt": b"made"}
        again = json.loads(farm.reconcile("--json").stdout)
        assert (again["known"], again["restored"], again["in_line"]) == (6, {}, 0)
        plan = json.loads(dry.stdout)
        assert (plan["restored"], plan["in_line"]) == ({"FAILURE": 1, "REVOKED": 1, "SUCCESS": 1}, 3)


def test_reconcile_works_beside_an_api_and_workers_whose_store_was_emptied_below_them(tmp_path):
    go, log = tmp_path / "go", tmp_path / "log"
    with farm_in(tmp_path) as farm:
        ended, running, waiting = fill(farm, go, log)
        before = told(farm, ended)
        with connect(farm.stack._store.store_url) as client:
            client.flushall()
        fresh = farm.send(MAKES, params='{"n": 5}')
        done = farm.reconcile("--json")
        assert done.returncode == 0, done.stderr
        assert told(farm, ended) == before
        go.touch()
        for job in (running, *waiting, fresh):
            farm.wait(job, "SUCCESS")
        report = json.loads(done.stdout)
        assert report["restored"] == {"FAILURE": 1, "REVOKED": 1, "SUCCESS": 1}
        assert report["unreadable"] == {"count": 0, "jobs": []}
        assert log.read_text() in ("x", "xx")
