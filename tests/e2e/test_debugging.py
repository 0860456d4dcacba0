"""DEBUG: a script at a breakpoint in its worker, on a real terminal."""

import json
import re
import sys
import time
from contextlib import contextmanager

import httpx
import pexpect
import psutil
import pytest

from pixyz_scheduler.broker.connection import connect
from tests.e2e.test_up import home  # noqa: F401  (fixture)
from tests.e2e.test_workers import farm, queue  # noqa: F401  (fixtures)

SCRIPT = """
import os
def main(pc, params):
    found = 42
    print("about to stop")
    breakpoint()
    return [found, os.getpid()]
"""


@contextmanager
def on_terminal(environment, *command):
    """A command of ours on a terminal of its own; ended as by Ctrl-C."""
    environment = {name: value for name, value in environment.items() if name != "PYTHONBREAKPOINT"}
    terminal = pexpect.spawn(
        sys.executable, ["-m", "pixyz_scheduler", *command], env=environment, encoding="utf-8", timeout=60, echo=False
    )
    try:
        yield terminal
    finally:
        terminal.sendintr()
        terminal.expect(pexpect.EOF)
        terminal.close()


@pytest.mark.parametrize(
    ("setting", "options"), [("DEBUG", ("--no-watchdog",)), ("CELERY_ALWAYS_EAGER", ("--watchdog",))]
)
def test_breakpoint_stops_in_the_worker_and_the_lease_is_renewed_as_long_as_it_takes(
    farm,  # noqa: F811
    queue,  # noqa: F811
    options,
    setting,
):
    environment = {**farm.environment, "QUEUE_NAME": queue, "ENGINE": "none", setting: "true", "POOL_TYPE": "pool"}
    with on_terminal(environment, "worker", *options) as terminal:
        terminal.expect_exact("scripts run in this worker's own process, one at a time")
        job_id = farm.send(SCRIPT, queue=queue)
        terminal.expect_exact("about to stop")
        terminal.expect_exact("(Pdb)")
        client = connect(farm.store.store_url)
        leases = set()
        while len(leases) < 4:
            leases.add(client.zscore("ps:leases", job_id))
            time.sleep(0.05)
        assert None not in leases
        client.close()
        terminal.sendline("p found")
        terminal.expect_exact("42")
        terminal.sendline("found = 7")
        terminal.expect_exact("(Pdb)")
        terminal.sendline("c")
        details = farm.ended(job_id)
        assert (details["status"], details["result"][0], len(details["attempts"])) == ("SUCCESS", 7, 1)
        worker = psutil.Process(details["result"][1])
        assert "worker" in worker.cmdline()
        log = farm.http.get(f"/jobs/{job_id}/logs")
        assert log.status_code == 404 or "about to stop" in log.text


def test_up_with_debug_stops_at_breakpoints_on_its_own_terminal(home, tmp_path):  # noqa: F811
    script = tmp_path / "job.py"
    script.write_text(SCRIPT)
    with on_terminal({**home, "DEBUG": "true"}, "up") as terminal:
        terminal.expect(r"API key: +(\S+)")
        key = re.sub(r"\x1b\[[0-9;]*m", "", terminal.match.group(1))
        with httpx.Client(base_url=f"http://127.0.0.1:{home['API_PORT']}", headers={"x-api-key": key}) as http:
            with script.open("rb") as file:
                sent = http.post("/jobs", files={"script": file}).json()
            terminal.expect_exact("(Pdb)")
            terminal.sendline("found = json_safe = 'by hand'")
            terminal.expect_exact("(Pdb)")
            terminal.sendline("c")
            while (details := http.get(f"/jobs/{sent['uuid']}/details").json())["status"] not in ("SUCCESS", "FAILURE"):
                time.sleep(0.05)
    assert details["result"][0] == "by hand", json.dumps(details)
