"""Workflows on real workers: one that is killed while its job starts others; one that waits by itself."""

import time

import pytest

from tests.e2e.farms import Here, a_farm

SUBMITS = """
import os, time
from pixyz_worker.script import *


@pixyz_schedule(wait=True, timeout=600, queue="starts")
def main(pc, params):
    step = pc.clone().update(entrypoint="once", raw=True, compute_only=True)
    started = []
    for number in range(40):
        started.append(pixyz_execute.s([params["folder"], number], step).set(queue="runs").delay())
        if number == 20:
            open(os.path.join(params["folder"], "here"), "w").close()
            while not os.path.exists(os.path.join(params["folder"], "gate")):
                time.sleep(0.01)
    return started


def once(pc, params):
    folder, number = params
    with open(os.path.join(folder, f"ran-{number}"), "a") as file:
        file.write("x")
    return number
"""
WAITS = """
from pixyz_worker.script import *


def main(pc, params):
    with pc.allow_join_result():
        step = pc.clone(entrypoint="double", raw=True)
        return [subtask_async({"number": number}, step, queue="runs").get() for number in range(2)]


def double(pc, params):
    return 2 * params["number"]
"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory):
    with a_farm(tmp_path_factory.mktemp("farm"), [(Here(), "runs")]) as farm:
        yield farm


def test_no_sub_task_runs_twice_when_the_worker_is_killed_whose_job_starts_them(farm, tmp_path):
    script = tmp_path / "submits.py"
    script.write_text(SUBMITS)
    with farm.worker("starts,gpuhigh") as first:
        uuid = farm.cli("exec", "-s", script, "-b", "-p", f'{{"folder": "{tmp_path}"}}').strip()
        while not (tmp_path / "here").exists():
            time.sleep(0.05)
        first.kill()
        first.wait()
    (tmp_path / "gate").touch()
    with farm.worker("starts,gpuhigh"):
        farm.cli("status", "-j", uuid, "-w")
    details = farm.details(uuid)
    assert (details["status"], details["result"]) == ("SUCCESS", list(range(40)))
    assert [attempt["outcome"] for attempt in details["attempts"]] == ["worker_lost", "awaits"]
    assert len(details["children"]) == 40
    assert {path.read_text() for path in tmp_path.glob("ran-*")} == {"x"}


def test_a_script_that_waits_by_itself_ends_on_one_worker_of_one_slot(farm, tmp_path):
    script = tmp_path / "waits.py"
    script.write_text(WAITS)
    assert farm.result(script, "-q", "runs") == [0, 2]
