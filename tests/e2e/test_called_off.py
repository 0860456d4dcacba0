"""`admin drain`: a worker leaves because somebody says so on another machine."""

import subprocess
import sys
import time

import pytest

from tests.e2e.test_workers import GATE, farm, queue  # noqa: F401  (fixtures)


def admin(farm, *arguments):  # noqa: F811
    done = subprocess.run(
        [sys.executable, "-m", "pixyz_scheduler", "admin", *arguments],
        env=farm.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def names_on(farm, queue):  # noqa: F811
    rows = (line.split("\t") for line in admin(farm, "workers").splitlines())
    return [row[0] for row in rows if row[-1] == queue]


@pytest.mark.parametrize("watchdog", ["--watchdog", "--no-watchdog"])
def test_a_worker_that_is_called_off_ends_its_job_and_does_not_come_back(farm, queue, tmp_path, watchdog):  # noqa: F811
    here, gate = tmp_path / "here", tmp_path / "gate"
    with farm.worker(queue, watchdog=watchdog, DRAIN_TIMEOUT="60") as process:
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
        while not here.exists():
            time.sleep(0.05)
        (name,) = names_on(farm, queue)
        assert admin(farm, "drain", name) == f"{name}\n"
        later = farm.send("def main(pc, params): pass\n", queue=queue)
        while farm.store_says(f"ps:worker:{name}", "draining") != "1":
            time.sleep(0.05)
        assert farm.details(job_id)["status"] == "RUNNING"
        gate.touch()
        assert (process.wait(), farm.ended(job_id)["status"]) == (0, "SUCCESS")
    assert names_on(farm, queue) == []
    assert farm.details(later)["status"] == "PENDING"
    # The next one is another: it knows nothing of that.
    with farm.worker(queue):
        assert farm.ended(later)["status"] == "SUCCESS"


def test_a_job_that_does_not_end_in_time_goes_back_uncharged(farm, queue, tmp_path):  # noqa: F811
    here, gate = tmp_path / "here", tmp_path / "gate"
    with farm.worker(queue, DRAIN_TIMEOUT="0.5") as process:
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
        while not here.exists():
            time.sleep(0.05)
        admin(farm, "drain", *names_on(farm, queue))
        assert process.wait() == 0
    details = farm.details(job_id)
    assert (details["status"], details["retry"], details["attempts"][0]["outcome"]) == ("RETRY", 0, "drained")
