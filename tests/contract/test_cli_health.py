"""`pixyz-scheduler health`: what a container's health check is told, and its exit status."""

import json

import pytest

from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.worker.door import Door, Page
from tests.fakes.command_line import run

PROBLEMS = {"share": "It cannot be written."}


@pytest.fixture
def door():
    """One that is alive, and cannot work."""
    pages = {"/health/live": lambda: Page.of_health({}), "/health/ready": lambda: Page.of_health(PROBLEMS)}
    with Door("127.0.0.1", 0, pages) as door:
        yield door


@pytest.mark.parametrize(("part", "name"), [("worker", "METRICS_PORT"), ("api", "API_PORT")])
def test_who_cannot_work_is_not_well_and_says_why(door, part, name):
    done = run("", "health", part, **{name: str(door.port)})
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "share: It cannot be written.",
        f"Error: the {part} at 127.0.0.1:{door.port} is not well (HTTP status 503).",
    ]


def test_programs_are_told_the_same(door):
    done = run("", "health", "worker", "--json", METRICS_PORT=str(door.port))
    told = {"part": "worker", "well": False, "status": 503, "problems": PROBLEMS}
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (1, told, "")


def test_who_only_has_to_live_is_well(door):
    done = run("", "health", "worker", "--live", METRICS_PORT=str(door.port))
    assert (done.returncode, done.stdout) == (0, f"the worker at 127.0.0.1:{door.port} is well\n")


def test_who_does_not_answer_is_not_well():
    port = str(free_port())
    done = run("", "health", "api", API_PORT=port)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"the api at 127.0.0.1:{port} does not answer" in done.stderr


def test_a_stranger_at_the_port_is_not_well(door):
    door._pages["/health/ready"] = lambda: Page(404, b"what?", "text/plain")
    done = run("", "health", "worker", METRICS_PORT=str(door.port))
    assert (done.returncode, "HTTP status 404" in done.stderr) == (1, True)


def test_a_worker_without_a_port_cannot_be_asked():
    done = run("", "health", "worker")
    assert (done.returncode, "METRICS_PORT" in done.stderr) == (2, True)
