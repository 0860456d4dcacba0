"""Jobs that run for longer than the broker's visibility timeout, which is shortened here: one execution each."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from pixyz_scheduler.launcher.api_key import digest_of
from tests.chaos.beacons import SCRIPT, read_beacons
from tests.chaos.facts import TERMINAL
from tests.chaos.ports import lasting_port
from tests.chaos.store import ChaosStore
from tests.conftest import missing
from tests.fakes import impatient_worker

ROOT = Path(__file__).parents[2]
KEY = "the key of the impatient"
SECONDS = 3.0 * impatient_worker.VISIBILITY
WORKERS = 2


@pytest.fixture
def farm(tmp_path):
    """An API, two workers, and how to ask for a job."""
    if sys.platform != "linux":
        missing("Linux: the beacons' script kills by signals")
    for name in ("share", "local", "beacons", "alive"):
        (tmp_path / name).mkdir()
    with ExitStack() as stack:
        store = stack.enter_context(ChaosStore(tmp_path / "data", lasting_port()))
        port = str(lasting_port())
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(tmp_path),
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            "CELERY_BROKER_URL": store.url,
            "CELERY_RESULT_BACKEND": store.url,
            "SHARE_PATH": str(tmp_path / "share"),
            "PROCESS_PATH": str(ROOT / "processes"),
            "TMPDIR": str(tmp_path / "local"),
            "GOD_PASSWORD_SHA256": digest_of(KEY),
            "API_HOST": "127.0.0.1",
            "API_PORT": port,
            "QUEUE_NAME": "cpu,gpuhigh",
            "ENGINE": "none",
            "POOL_TYPE": "solo",
        }
        _start(stack, ["-m", "pixyz_scheduler", "api"], environment)
        for _ in range(WORKERS):
            _start(stack, [impatient_worker.__file__], environment)
        http = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": KEY}))
        while not _answers(http):
            time.sleep(0.05)
        yield http, stack.enter_context(store.client())


@pytest.mark.timeout(180)
def test_jobs_longer_than_the_visibility_timeout_run_once(farm, tmp_path):
    http, client = farm
    # One more than there are workers: one of them waits while others are given out again.
    jobs = {_send(http, tmp_path) for _ in range(WORKERS + 1)}
    waiting = set(jobs)
    while waiting:
        # Nothing is ever out on loan, so that nothing comes back.
        assert not client.exists("unacked", "unacked_index")
        waiting = {job_id for job_id in waiting if _details(http, job_id)["status"] not in TERMINAL}
        time.sleep(0.2)
    ended = [_details(http, job_id) for job_id in jobs]
    assert [(details["status"], details["retry"]) for details in ended] == [("SUCCESS", 0)] * len(jobs)
    assert {job_id: client.hget(f"ps:job:{job_id}", "epoch") for job_id in jobs} == dict.fromkeys(jobs, "1")
    beats = list(read_beacons(tmp_path / "beacons"))
    assert sorted(one.job_id for one in beats) == sorted(jobs)
    assert all(one.last - one.first > impatient_worker.VISIBILITY for one in beats)


def _send(http, folder):
    params = {"kind": "work", "seconds": SECONDS, "bytes": 0, "beat": 0.02}
    params |= {name: str(folder / name) for name in ("beacons", "alive")}
    answer = http.post(
        "/jobs", files={"script": ("job.py", SCRIPT)}, data={"params": json.dumps(params), "config": '{"queue": "cpu"}'}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["uuid"]


def _details(http, job_id):
    return http.get(f"/jobs/{job_id}/details").json()


def _answers(http):
    try:
        return http.get("/health/ready").status_code == 200
    except httpx.HTTPError:
        return False


def _start(stack, command, environment):
    process = subprocess.Popen(
        [sys.executable, *command], env=environment, cwd=environment["HOME"], start_new_session=True
    )

    def end():
        process.send_signal(signal.SIGTERM)
        process.wait()

    stack.callback(end)
