"""Workers that an autoscaler starts: one job, then the end; or the end where there is none."""

import time

import pytest

from pixyz_scheduler.broker.connection import connect
from tests.e2e.test_workers import GATE, farm, queue  # noqa: F401  (fixtures)

QUICK = "def main(pc, params):\n    return params['n']\n"


@pytest.mark.parametrize("watchdog", ["--watchdog", "--no-watchdog"])
def test_a_worker_without_a_job_for_so_long_ends_well_and_is_not_started_again(farm, queue, watchdog):  # noqa: F811
    with farm.worker(queue, watchdog=watchdog, IDLE_TIMEOUT="0.5") as worker:
        assert worker.wait() == 0
    assert farm.http.get(f"/scaling/{queue}").json() == {"waiting": 0, "running": 0, "outstanding": 0}


def test_a_job_counts_as_something_to_do_for_as_long_as_it_lasts(farm, queue, tmp_path):  # noqa: F811
    here, gate = tmp_path / "here", tmp_path / "gate"
    with farm.worker(queue, IDLE_TIMEOUT="1") as worker:
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
        while not here.exists():
            time.sleep(0.05)
        # Others come and go in this time: the shorter of their lives is over before the job is.
        with farm.worker(f"{queue}-other", IDLE_TIMEOUT="1.5") as other:
            assert other.wait() == 0
        assert worker.poll() is None
        gate.touch()
        details = farm.ended(job_id)
        assert (details["status"], [each["outcome"] for each in details["attempts"]]) == ("SUCCESS", ["success"])
        assert worker.wait() == 0


def test_jobs_that_come_while_workers_leave_are_all_run_once(farm, queue):  # noqa: F811
    """Each worker is idle as soon as it listens, and jobs are sent from then on until it has left."""
    jobs = []
    for _ in range(3):
        with farm.worker(queue, IDLE_TIMEOUT="0.02") as worker:
            while worker.poll() is None:
                if farm.worker_of(worker.pid).get("slots"):
                    jobs.append(farm.send(QUICK, queue=queue, n=len(jobs)))
                    while worker.poll() is None and farm.details(jobs[-1])["status"] != "SUCCESS":
                        pass
                    # And the next one a little sooner or later after that: before, while, or after it leaves.
                    for _ in range(len(jobs) % 12):
                        farm.details(jobs[-1])
            assert worker.returncode == 0
    with farm.worker(queue):
        ended = [farm.ended(job_id) for job_id in jobs]
    assert [(each["status"], each["result"]) for each in ended] == [("SUCCESS", n) for n in range(len(jobs))]
    assert [[attempt["outcome"] for attempt in each["attempts"]] for each in ended] == [["success"]] * len(jobs)


@pytest.mark.parametrize("slots", ["1", "3"])
def test_a_worker_for_one_job_takes_no_second_doorbell(farm, queue, slots):  # noqa: F811
    jobs = [farm.send(QUICK, queue=queue, n=n) for n in range(4)]
    settings = {"POOL_TYPE": "pool", "CONCURRENT_TASKS": slots, "MAX_TASKS_BEFORE_SHUTDOWN": "1"}
    with farm.worker(queue, **settings) as worker:
        assert worker.wait() == 0
    begun = [job_id for job_id in jobs if farm.details(job_id)["attempts"]]
    assert [farm.details(job_id)["status"] for job_id in begun] == ["SUCCESS"]
    assert farm.http.get(f"/scaling/{queue}").json() == {"waiting": 3, "running": 0, "outstanding": 3}
    if slots == "1":
        with connect(farm.store.store_url) as client:
            assert client.llen(f"{queue}:5") == 3


def test_a_worker_for_one_job_that_is_told_to_leave_ends_it_first(farm, queue, tmp_path):  # noqa: F811
    """As a pod of a ScaledJob on a node that is emptied."""
    here, gate = tmp_path / "here", tmp_path / "gate"
    settings = {"MAX_TASKS_BEFORE_SHUTDOWN": "1", "DRAIN_TIMEOUT": "86400"}
    with farm.worker(queue, **settings) as worker:
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
        while not here.exists():
            time.sleep(0.05)
        worker.terminate()
        while farm.store_says(f"ps:job:{job_id}", "draining") != "1":
            time.sleep(0.05)
        assert farm.details(job_id)["status"] == "RUNNING"
        gate.touch()
        assert worker.wait() == 0
    details = farm.ended(job_id)
    assert (details["status"], [each["outcome"] for each in details["attempts"]]) == ("SUCCESS", ["success"])
