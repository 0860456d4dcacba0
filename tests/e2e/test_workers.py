"""What the parts cannot show alone: a real API and workers while the store is away; workers that come and go."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from pixyz_scheduler.broker.celery_app import make_celery
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.embedded import EmbeddedStore
from pixyz_scheduler.broker.farm import Farm as KnownFarm
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.launcher.api_key import digest_of
from pixyz_scheduler.worker.isolation.leftovers import MARK

ROOT = Path(__file__).parents[2]
KEY = "a key for outages"
GATE = """
import os, time

def main(pc, params):
    pc.progress_set_total(2)
    pc.progress_next("at the gate")
    with open(params["here"] + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.replace(params["here"] + ".new", params["here"])
    while not os.path.exists(params["gate"]):
        time.sleep(0.01)
    pc.progress_next("through")
    return "through"
"""


@dataclass(frozen=True)
class Farm:
    """A store and an API; each test brings its workers."""

    store: EmbeddedStore
    http: httpx.Client
    environment: dict[str, str]

    def send(self, source: str, *, queue: str, entrypoint: str = "main", **params: object) -> str:
        answer = self.http.post(
            "/jobs",
            files={"script": ("job.py", source)},
            data={"params": json.dumps(params), "config": json.dumps({"queue": queue, "entrypoint": entrypoint})},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["uuid"]

    def details(self, job_id: str) -> dict:
        # An API that has just met a silent store says so for a moment longer.
        while (answer := self.http.get(f"/jobs/{job_id}/details")).status_code == 503:
            time.sleep(0.05)
        return answer.json()

    def worker_of(self, pid: int) -> dict:
        """What the worker says of itself."""
        client = connect(self.store.store_url)
        try:
            said = [vars(worker) for worker in KnownFarm(RecordStore(client)).workers() if worker.pid == pid]
        finally:
            client.close()
        return said[0] if said else {"draining": False}

    def store_says(self, key: str, name: str) -> str | None:
        """A field of the store."""
        client = connect(self.store.store_url)
        try:
            return client.hget(key, name)
        finally:
            client.close()

    def ended(self, job_id: str) -> dict:
        """Its details, once it has ended."""
        while (details := self.details(job_id))["status"] not in ("SUCCESS", "FAILURE", "REVOKED"):
            time.sleep(0.05)
        return details

    @contextmanager
    def worker(
        self, queue: str, *, watchdog: str = "--no-watchdog", **settings: str
    ) -> Iterator["subprocess.Popen[bytes]"]:
        process = subprocess.Popen(
            [sys.executable, "-m", "pixyz_scheduler", "worker", watchdog],
            env={**self.environment, "QUEUE_NAME": queue, "ENGINE": "none", **settings},
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    folder = tmp_path_factory.mktemp("farm")
    (folder / "share").mkdir()
    port = free_port()
    with EmbeddedStore.start(folder / "data") as store:
        environment = {
            **os.environ,
            **store.environment,
            "PYTHONPATH": str(ROOT / "src"),
            "SHARE_PATH": str(folder / "share"),
            "PROCESS_PATH": str(ROOT / "processes"),
            "API_HOST": "127.0.0.1",
            "API_PORT": str(port),
            "GOD_PASSWORD_SHA256": digest_of(KEY),
            "DRAIN_TIMEOUT": "0",
        }
        api = subprocess.Popen([sys.executable, "-m", "pixyz_scheduler", "api"], env=environment)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": KEY}, timeout=30) as http:
                while not _answers(http):
                    assert api.poll() is None
                    time.sleep(0.1)
                yield Farm(store, http, environment)
        finally:
            api.terminate()
            api.wait()


@pytest.fixture
def queue() -> str:
    """Nobody else's."""
    return f"q-{uuid.uuid4().hex[:8]}"


@contextmanager
def away(store: EmbeddedStore) -> Iterator[None]:
    """The store hears and says nothing."""
    os.kill(store.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(store.pid, signal.SIGCONT)


def test_a_job_goes_on_to_its_end_when_the_store_was_away_while_it_ran(farm, queue, tmp_path):
    """Silent for longer than a tick: the job's tree is frozen. The store is back: it goes on, at no charge."""
    here, gate = tmp_path / "here", tmp_path / "gate"
    with farm.worker(queue):
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
        child = psutil.Process(int(_text(here)))
        with away(farm.store):
            refused = farm.http.get(f"/jobs/{job_id}")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
            assert "Redis does not answer" in refused.json()["detail"]["details"]
            assert farm.http.get("/health/live").status_code == 200
            assert farm.http.get("/health/ready").status_code == 503
            while child.status() != psutil.STATUS_STOPPED:
                time.sleep(0.05)
            gate.touch()
        details = farm.ended(job_id)
    assert (details["status"], details["result"], details["retry"]) == ("SUCCESS", "through", 0)
    assert [attempt["outcome"] for attempt in details["attempts"]] == ["success"]
    assert [step["info"] for step in details["steps"]] == ["at the gate", "through"]


def test_requests_that_wait_for_the_store_hold_up_nobody_and_none_of_them_becomes_a_job(farm, queue):
    answered = []

    def post(_: int) -> int:
        config = json.dumps({"queue": queue})
        answer = farm.http.post("/jobs", files={"script": ("job.py", GATE)}, data={"config": config})
        answered.append("a job")
        return answer.status_code

    with away(farm.store), ThreadPoolExecutor(8) as threads:
        codes = threads.map(post, range(8))
        assert farm.http.get("/").status_code == 200
        assert farm.http.get("/docs").status_code == 200
        answered.append("the welcome")
        assert set(codes) == {503}
    assert answered[0] == "the welcome"
    # It reads now what they had sent.
    while not _answers(farm.http):
        time.sleep(0.05)
    assert farm.http.get("/jobs", params={"queue": queue}).json()["jobs"] == []
    # Nor would a reconcile make jobs of them: their senders were told that there are none.
    share = Path(farm.environment["SHARE_PATH"])
    known = {job["uuid"] for job in farm.http.get("/jobs").json()["jobs"]}
    refused = [folder for folder in share.iterdir() if len(folder.name) == 36 and folder.name not in known]
    assert not [folder for folder in refused if (folder / ".state").exists()]


def test_a_script_finds_no_secret_in_its_environment_nor_above_it_up_to_its_worker(farm, queue):
    source = """
import os

def main(pc, params):
    pid, seen = os.getpid(), {}
    while pid != params["worker"]:
        with open(f"/proc/{pid}/environ") as file:
            seen[pid] = file.read()
        with open(f"/proc/{pid}/stat") as file:
            pid = int(file.read().rpartition(")")[2].split()[1])
    return {"names": [name for name in os.environ], "seen": list(seen.values())}
"""
    secrets = {"REDIS_PASSWORD": "hush-redis", "GOD_PASSWORD_SHA256": digest_of("hush"), "MY_TOKEN": "hush-token"}
    with farm.worker(queue, **secrets) as worker:
        result = farm.ended(farm.send(source, queue=queue, worker=worker.pid))["result"]
    assert "PATH" in result["names"]
    assert not {*secrets, "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"} & set(result["names"])
    # The child, its warden, the zygote.
    assert len(result["seen"]) >= 2
    for secret in (*secrets.values(), farm.store.broker_url):
        assert not any(secret in environment for environment in result["seen"])


def test_a_job_that_ended_while_the_store_was_away_has_its_result_when_it_is_back(farm, queue, tmp_path):
    here, gate = tmp_path / "here", tmp_path / "gate"
    with farm.worker(queue):
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
        child = psutil.Process(int(_text(here)))
        with away(farm.store):
            gate.touch()
            child.wait()
            assert farm.http.get(f"/jobs/{job_id}").status_code == 503
        details = farm.ended(job_id)
    assert (details["status"], details["result"], details["retry"]) == ("SUCCESS", "through", 0)


def test_jobs_of_a_queue_that_nobody_serves_wait_in_sight_and_run_in_order_once_a_worker_comes(farm, queue):
    source = "def main(pc, params):\n    return params['n']\n"
    jobs = [farm.send(source, queue=queue, n=n) for n in range(3)]
    listed = {job["uuid"]: job["status"] for job in farm.http.get("/jobs").json()["jobs"]}
    assert [listed[job_id] for job_id in jobs] == ["PENDING"] * 3
    asked = farm.http.get("/jobs", params={"status": "PENDING", "queue": queue}).json()["jobs"]
    assert [job["uuid"] for job in asked] == jobs[::-1]
    cancelled = jobs.pop(1)
    assert farm.http.post(f"/jobs/{cancelled}/cancel").json()["status"] == "REVOKED"
    with farm.worker(queue):
        ended = [farm.ended(job_id) for job_id in jobs]
    assert [(each["status"], each["result"]) for each in ended] == [("SUCCESS", 0), ("SUCCESS", 2)]
    # One slot: one after the other, in the order in which they came.
    times = [moment for each in ended for moment in (each["time_info"]["started"], each["time_info"]["stopped"])]
    assert times == sorted(times)
    assert farm.details(cancelled)["attempts"] == []


def test_what_a_dead_workers_job_has_left_is_gone_when_the_next_worker_is_there(farm, queue):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    left = subprocess.Popen(sleep, env={MARK: f"{namespace}-{dead.pid}-1"})
    try:
        with farm.worker(queue):
            assert left.wait() == -signal.SIGKILL
    finally:
        left.kill()
        left.wait()


def test_a_worker_that_is_told_to_end_hands_its_job_back_uncharged_and_the_next_one_ends_it(farm, queue, tmp_path):
    here, gate = tmp_path / "here", tmp_path / "gate"
    with farm.worker(queue) as first:
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
        child = psutil.Process(int(_text(here)))
        first.terminate()
        assert first.wait() == 0
        assert not child.is_running()
    details = farm.details(job_id)
    assert (details["status"], details["retry"]) == ("RETRY", 0)
    gate.touch()
    with farm.worker(queue):
        details = farm.ended(job_id)
    assert (details["status"], details["result"], details["retry"]) == ("SUCCESS", "through", 0)
    told = [(attempt["outcome"], attempt["queue"]) for attempt in details["attempts"]]
    assert told == [("drained", queue), ("success", queue)]


def test_the_memory_limit_of_the_settings_holds_in_a_worker_however_it_was_started(farm, queue):
    source = "import time\n\ndef main(pc, params):\n    held = bytearray(400 << 20)\n    time.sleep(600)\n"
    with farm.worker(queue, MAX_MEMORY_USAGE=str(200 * 1024)):
        details = farm.ended(farm.send(source, queue=queue))
    assert (details["status"], details["retry"]) == ("FAILURE", 1)
    assert [attempt["outcome"] for attempt in details["attempts"]] == ["out_of_memory"] * 2
    assert "200 MiB allowed" in details["error"]


def test_a_killed_store_of_up_comes_back_with_its_jobs_and_the_running_one_goes_on(stack, api, tmp_path):
    here, gate = tmp_path / "here", tmp_path / "gate"
    source = {"script": ("job.py", GATE)}
    params = json.dumps({"here": str(here), "gate": str(gate)})
    running = api.post("/jobs", files=source, data={"params": params}).json()["uuid"]
    _text(here)
    waiting = api.post("/jobs", data={"process": "api_test"}).json()["uuid"]
    store = next(child for child in psutil.Process().children() if str(stack.folder) in " ".join(child.cmdline()))
    store.kill()
    while not _answers(api):
        time.sleep(0.05)
    gate.touch()
    for job_id in (running, waiting):
        while (details := api.get(f"/jobs/{job_id}/details").json())["status"] not in ("SUCCESS", "FAILURE"):
            time.sleep(0.05)
        assert (details["status"], details["retry"]) == ("SUCCESS", 0)


def test_a_worker_that_is_alive_and_deaf_restarts_and_then_hears(farm, queue):
    source = "def main(pc, params):\n    return 'heard'\n"
    with farm.worker(queue, watchdog="--watchdog", LEASE_TIME_SCALE="0.1") as watchdog:
        assert farm.ended(farm.send(source, queue=queue))["status"] == "SUCCESS"
        deaf = the_worker(watchdog.pid)
        celery = make_celery(broker_url=farm.store.broker_url, result_backend=farm.store.broker_url)
        with celery:
            while not celery.control.cancel_consumer(queue, reply=True, timeout=5):
                pass
        assert farm.ended(farm.send(source, queue=queue))["result"] == "heard"
        assert not deaf.is_running()


def test_no_more_jobs_run_than_there_are_licence_tokens_and_who_waits_for_one_says_so(farm, queue, tmp_path):
    settings = {"LICENSE_TOKENS": "1", "POOL_TYPE": "pool", "CONCURRENT_TASKS": "2"}
    gate = tmp_path / "gate"
    with farm.worker(queue, **settings):
        first = farm.send(GATE, queue=queue, here=str(tmp_path / "first"), gate=str(gate))
        _text(tmp_path / "first")
        second = farm.send(GATE, queue=queue, here=str(tmp_path / "second"), gate=str(gate))
        while farm.details(second)["waiting_for"] != "no licence token free":
            time.sleep(0.05)
        gate.touch()
        ended = [farm.ended(job_id) for job_id in (first, second)]
    assert [(each["status"], each["retry"]) for each in ended] == [("SUCCESS", 0)] * 2
    assert ended[0]["time_info"]["stopped"] <= ended[1]["time_info"]["started"]


def the_worker(watchdog: int) -> psutil.Process:
    """The one that runs under it now; between two there is none for a moment."""
    while not (found := psutil.Process(watchdog).children()):
        time.sleep(0.05)
    return found[0]


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/health/ready").status_code == 200
    except httpx.HTTPError:
        return False


def _text(path: Path) -> str:
    """What a script wrote, as soon as it is there."""
    while not path.exists():
        time.sleep(0.01)
    return path.read_text()


def test_a_second_signal_ends_a_drain_at_once_and_its_job_goes_back_uncharged(farm, queue, tmp_path):
    here, gate = tmp_path / "here", tmp_path / "gate"
    with farm.worker(queue, DRAIN_TIMEOUT="3600") as worker:
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
        child = psutil.Process(int(_text(here)))
        worker.terminate()
        while not farm.worker_of(worker.pid)["draining"]:
            time.sleep(0.05)
        assert child.is_running()
        worker.terminate()
        assert worker.wait() == 0
        assert not child.is_running()
    details = farm.details(job_id)
    assert (details["status"], details["retry"], details["cause"]) == ("RETRY", 0, "drained")


def test_a_machine_that_vanishes_after_it_was_told_to_leave_costs_no_attempt(farm, queue, tmp_path):
    here, gate = tmp_path / "here", tmp_path / "gate"
    with farm.worker(queue, DRAIN_TIMEOUT="3600") as worker:
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(gate))
        _text(here)
        worker.terminate()
        while not farm.worker_of(worker.pid)["draining"]:
            time.sleep(0.05)
        while farm.store_says(f"ps:job:{job_id}", "draining") != "1":
            time.sleep(0.05)
        worker.kill()
        gate.touch()
        while farm.details(job_id)["status"] != "RETRY":
            time.sleep(0.05)
    with farm.worker(queue):
        details = farm.ended(job_id)
    assert (details["status"], details["retry"]) == ("SUCCESS", 0)
    assert [attempt["outcome"] for attempt in details["attempts"]] == ["drained", "success"]


def test_a_worker_that_has_done_its_number_of_jobs_ends_and_no_other_does(farm, queue):
    source = "def main(pc, params):\n    return params['n']\n"
    with farm.worker(queue, MAX_TASKS_BEFORE_SHUTDOWN="2") as worker:
        jobs = [farm.send(source, queue=queue, n=n) for n in range(3)]
        assert worker.wait() == 0
        done = [job_id for job_id in jobs if farm.details(job_id)["status"] == "SUCCESS"]
        assert done == jobs[:2]
        with farm.worker(queue) as other:
            assert farm.ended(jobs[2])["status"] == "SUCCESS"
            assert other.poll() is None


def test_a_watched_worker_that_dies_starts_again_and_ends_when_its_watchdog_is_told_to(farm, queue):
    source = "import os\n\ndef main(pc, params):\n    return os.getpid()\n"
    with farm.worker(queue, watchdog="--watchdog", MAX_TASKS_BEFORE_SHUTDOWN="1") as watchdog:
        assert farm.ended(farm.send(source, queue=queue))["status"] == "SUCCESS"
        assert farm.ended(farm.send(source, queue=queue))["status"] == "SUCCESS"
        worker = the_worker(watchdog.pid)
        worker.kill()
        worker.wait()
        assert farm.ended(farm.send(source, queue=queue))["status"] == "SUCCESS"
        watchdog.terminate()
        assert watchdog.wait() == 0
    assert not worker.is_running()


def test_a_cancelled_job_that_runs_ends_without_waiting_for_a_renewal(farm, queue, tmp_path):
    here = tmp_path / "here"
    # One renewal in 100 s: only the call can be it.
    with farm.worker(queue, LEASE_TIME_SCALE="100"):
        job_id = farm.send(GATE, queue=queue, here=str(here), gate=str(tmp_path / "never"))
        child = psutil.Process(int(_text(here)))
        assert farm.http.post(f"/jobs/{job_id}/cancel").status_code == 200
        details = farm.ended(job_id)
        assert details["status"] == "REVOKED"
        assert not child.is_running()


WAITS = """
from pixyz_worker.script import *


@pixyz_schedule(wait=True, timeout=60)
def main(pc, params):
    parts = [pixyz_execute.s({"n": n}, pc.clone(entrypoint="part", raw=True)).set(queue=pc["here"]) for n in range(3)]
    whole = pixyz_execute.s(pc=pc.clone(entrypoint="whole", raw=True))
    return chord(parts, whole.set(queue=pc["here"]))()


def asks(pc, params):
    return main(pc, params).get()


def part(pc, params):
    return params["n"]


def whole(pc, params):
    return params
"""


@pytest.mark.parametrize("entrypoint", ["main", "asks"])
def test_a_farm_of_one_slot_ends_a_job_that_waits_for_its_own_sub_tasks(farm, queue, entrypoint):
    """One returns what it waits for, the other asks for it in its function: its slot is lent meanwhile."""
    source = WAITS.replace('pc["here"]', repr(queue))
    with farm.worker(queue):
        job_id = farm.send(source, queue=queue, entrypoint=entrypoint)
        details = farm.ended(job_id)
    assert (details["status"], details["result"]) == ("SUCCESS", [0, 1, 2]), details["error"]
    assert len(details["children"]) == 4
    graph = farm.http.get(f"/jobs/{job_id}/graph").json()
    assert sorted(edge["kind"] for edge in graph["edges"]) == ["starts"] * 3 + ["then"] * 3
