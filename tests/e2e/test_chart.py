"""What the chart would start, started: store, API and workers do jobs, and a leaving pod ends the one it has."""

import importlib.util
import json
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import redis

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.farm import Farm
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.broker.store_health import StoreHealth
from tests.conftest import missing

GATE = """
import os, time

def main(pc, params):
    open(params["here"], "w").close()
    while not os.path.exists(params["gate"]):
        time.sleep(0.01)
    return "through"
"""

VALUES = {
    "keda": {"enabled": True},
    "workers": {
        "cpu": {"queues": ["cpu"], "replicas": {"min": 0}},
        "gpuhigh": {"mode": "job", "replicas": {"min": 0}, "scaling": {"idleTimeout": 600}},
    },
    "queuesServedElsewhere": ["gpu"],
}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[ChartRelease]":  # noqa: F821  (it needs Helm)
    if importlib.util.find_spec("helm_python") is None:
        missing("helm-python-sdk, which has builds for Linux on x86_64 only")
    from tests.e2e.chart_release import ChartRelease

    found = ChartRelease.of(VALUES, tmp_path_factory.mktemp("release"))
    found.lay_out_store()
    with found.start("-redis"), found.start("-api") as api:
        while not answers(f"{found.url}/health/ready"):
            assert api.poll() is None, found.log[-3000:]
            time.sleep(0.1)
        yield found


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture
def http(release) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=release.url, headers={"x-api-key": "the key in the Secret"}, timeout=30) as client:
        yield client


def is_leaving(release, pid: int) -> bool:
    with connect(f"redis://:{quote('the password in the Secret')}@127.0.0.1:{release.store_port}/0") as client:
        return any(worker.draining for worker in Farm(RecordStore(client)).workers() if worker.pid == pid)


def send(http: httpx.Client, folder: Path, queue: str) -> str:
    params = {"here": str(folder / "here"), "gate": str(folder / "gate")}
    answer = http.post(
        "/jobs",
        files={"script": ("job.py", GATE)},
        data={"params": json.dumps(params), "config": json.dumps({"queue": queue})},
    )
    return str(answer.json()["uuid"])


def ended(http: httpx.Client, uuid: str) -> dict:
    while (details := http.get(f"/jobs/{uuid}/details").json())["status"] not in {"SUCCESS", "FAILURE", "REVOKED"}:
        time.sleep(0.05)
    return dict(details)


def test_the_bundled_store_asks_for_its_password_keeps_all_and_evicts_nothing(release) -> None:
    with redis.Redis(port=release.store_port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with redis.Redis(port=release.store_port, password="the password in the Secret") as store:
        state = StoreHealth(store).look()
        told = (
            store.config_get("maxmemory*")
            | store.config_get("appendonly")
            | store.config_get("hash-max-listpack-value")
        )

    assert state.problems == ()
    assert told["maxmemory-policy"] == "noeviction"
    assert told["appendonly"] == "yes"
    assert int(told["maxmemory"]) == 3 * (2 << 30) // 4
    assert told["hash-max-listpack-value"] == "512"
    assert stat.S_IMODE((release.folder / "run" / "store.conf").stat().st_mode) == 0o600


def test_the_first_job_of_helm_test_succeeds(release) -> None:
    pod = release.pod("first-job")

    with release.start("worker-cpu"):
        done = subprocess.run(
            release.command(pod), env=release.environment(pod), capture_output=True, text=True, check=False, timeout=120
        )

    assert done.returncode == 0, done.stdout + done.stderr + release.log[-3000:]


def test_a_leaving_pod_ends_its_job_and_then_itself(release, http: httpx.Client, tmp_path: Path) -> None:
    with release.start("worker-cpu") as worker:
        uuid = send(http, tmp_path, "cpu")
        while not (tmp_path / "here").exists():
            time.sleep(0.02)
        worker.send_signal(signal.SIGTERM)
        while not is_leaving(release, worker.pid):
            time.sleep(0.05)
        (tmp_path / "gate").touch()
        details = ended(http, uuid)

        assert worker.wait() == 0
    assert (details["status"], details["retry"]) == ("SUCCESS", 0)


def test_the_probes_of_a_pod_are_answered(release) -> None:
    with release.start("worker-cpu"):
        container = release.pod("worker-cpu").containers[0]
        [port] = container["ports"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["port"] == port["name"]
            while not answers(f"http://127.0.0.1:{port['containerPort']}{asked['path']}"):
                time.sleep(0.1)


def test_a_pod_of_mode_job_that_finds_no_job_ends(release) -> None:
    with release.start("worker-gpuhigh", IDLE_TIMEOUT="1") as pod:
        assert pod.wait() == 0


def test_the_doctor_finds_its_way_in_a_pod_of_the_api(release) -> None:
    pod = release.pod("-api")
    command = [*release.command(pod)[:-1], "doctor"]

    done = subprocess.run(
        command, env=release.environment(pod), capture_output=True, text=True, check=False, timeout=120
    )

    assert "store" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_keda_is_told_how_many_jobs_wait_where_it_asks(release, http: httpx.Client, tmp_path: Path) -> None:
    trigger = release.rendered.the("ScaledJob", "worker-gpuhigh")["spec"]["triggers"][0]["metadata"]
    path = trigger["url"].removeprefix("http://farm-pixyz-api.pixyz.svc:8001")
    header = {trigger["keyParamName"]: "the key in the Secret"}

    def told() -> int:
        return int(httpx.get(f"{release.url}{path}", headers=header).json()[trigger["valueLocation"]])

    before = told()
    uuid = send(http, tmp_path, "gpuhigh")
    after = told()
    http.post(f"/jobs/{uuid}/cancel")

    assert after == before + 1


def test_a_pod_of_mode_job_does_one_job_and_ends(release, http: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "gate").touch()
    first, second = (send(http, tmp_path, "gpuhigh") for _ in range(2))

    with release.start("worker-gpuhigh") as pod:
        assert pod.wait() == 0

    assert ended(http, first)["status"] == "SUCCESS"
    assert http.get(f"/jobs/{second}").json()["status"] == "PENDING"
