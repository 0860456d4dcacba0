"""On a terminal: a live bar, a table, colours; and Ctrl-C leaves the job to itself."""

import re
import signal

import pexpect
import pytest

from tests.fakes.command_line import COMMAND, environment, on_terminal
from tests.fakes.scheduler_api import KEY, fake_scheduler, state


@pytest.fixture
def server():
    with fake_scheduler() as scheduler:
        yield scheduler


def plain(shown):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)


def test_waiting_shows_a_bar_with_percent_and_step(server):
    shown, status = on_terminal(server, "process", "-n", "sleep", "-rw")
    assert status == 0
    assert "100%" in plain(shown)
    assert "SUCCESS" in plain(shown)
    assert "Exporting" in plain(shown)
    assert '"output": "result.glb"' in plain(shown)


def test_a_step_with_markup_is_shown_as_it_is(server):
    server.plan = (state("RUNNING", 10, step="[bold]a[/nonsense]"), state("SUCCESS", 100, done=["[red]a[/nonsense]"]))
    shown, status = on_terminal(server, "process", "-n", "sleep", "-w")
    assert status == 0
    assert "[red]a[/nonsense]" in plain(shown)


def test_jobs_are_a_table_with_a_header_that_fits_the_terminal(server):
    server.job((state("FAILURE", 50, error="ValueError: " + "no " * 100),), name="a long name " * 5)
    shown, status = on_terminal(server, "jobs", columns=100)
    lines = plain(shown).splitlines()
    assert status == 0
    assert all(len(line) <= 100 for line in lines)
    assert any(line.split() == ["uuid", "status", "progress", "name", "error"] for line in lines)


def test_in_the_table_a_job_without_a_name_has_its_processs(server):
    server.plan = (state("SUCCESS", 100),)
    on_terminal(server, "process", "-n", "sleep")
    on_terminal(server, "process", "-n", "sleep", "-a", "mine")
    shown, _ = on_terminal(server, "jobs")
    assert {line.split()[-1] for line in plain(shown).splitlines() if "SUCCESS" in line} == {"sleep", "mine"}


def test_the_end_of_a_job_says_how_to_get_what_it_made(server):
    shown, status = on_terminal(server, "process", "-n", "sleep", "-w")
    assert status == 0
    assert "What it made: pixyz-scheduler details, outputs or download_all" in plain(shown)


def test_no_jobs_are_a_table_too(server):
    shown, status = on_terminal(server, "jobs")
    assert (plain(shown).split(), status) == (["uuid", "status", "progress", "name", "error"], 0)


def test_a_download_shows_a_bar(server, tmp_path):
    shown, status = on_terminal(
        server, "download", "-j", server.job().uuid, "-f", "result.glb", "-o", tmp_path / "a.glb"
    )
    assert status == 0
    assert "100.0/100.0 kB" in plain(shown)


def test_ctrl_c_leaves_the_job_and_says_how_to_find_it(server):
    server.plan = (state("PENDING"), state("RUNNING", 10, step="Thinking"))
    settings = environment(PIXYZ_URL=server.url, PIXYZ_TOKEN=KEY, TERM="xterm-256color")
    child = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], "process", "-n", "sleep", "-w"],
        env=settings,
        timeout=60,
        dimensions=(40, 120),
        encoding="utf-8",
    )
    child.expect("Thinking")
    child.kill(signal.SIGINT)
    shown = child.read()
    child.close()
    uuid = server.submitted().uuid
    assert f"The job goes on. Follow it: pixyz-scheduler status -j {uuid} -w" in plain(shown)
    assert "Traceback" not in shown
    assert child.exitstatus == 130


def test_usage_errors_on_a_terminal_still_exit_2(server):
    shown, status = on_terminal(server, "status", "-j", "x")
    assert status == 2
    assert "is not a job's id" in plain(shown)
