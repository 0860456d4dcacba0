"""The store is away, or refuses: 503 in words and soon, on every route that needs it; and nothing is left behind."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.embedded import EmbeddedStore
from tests.contract.api.conftest import KEY, running, settings_for
from tests.fakes.refusing_store import RefusingStore
from tests.fakes.tcp_proxy import TcpProxy

READS = ["/jobs", "/jobs/{}", "/jobs/{}/details", "/jobs/{}/outputs", "/jobs/{}/outputs/a", "/backend/get_task_meta/{}"]

REFUSALS = {
    "LOADING Redis is loading the dataset in memory": "loading the dataset",
    "MISCONF Errors writing to the AOF file: No space left on device": "Errors writing to the AOF file",
    "READONLY You can't write against a read only replica.": "read only replica",
    "OOM command not allowed when used memory > 'maxmemory'.": "used memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": "Link with MASTER is down",
    "NOAUTH Authentication required.": "Authentication required",
}


@contextmanager
def own(folder):
    """An API whose store no other test has; reached through a proxy."""
    folder.mkdir(exist_ok=True)
    with EmbeddedStore.start(folder) as store, TcpProxy(store.address.socket) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/5"
        settings = settings_for(store.store_url, folder, celery_broker_url=url)
        with running(settings) as api, connect(store.store_url) as client:
            yield api, store, proxy, client


def refused(answer):
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    return answer.json()["detail"]["details"]


@pytest.mark.parametrize("error", REFUSALS)
def test_what_a_store_says_when_it_refuses_is_passed_on_and_ready_says_it_too(tmp_path, store_url, error):
    with RefusingStore(error) as store, running(settings_for(store_url, tmp_path, celery_broker_url=store.url)) as api:
        for answer in (api.send(), api.http.get("/jobs")):
            assert REFUSALS[error] in refused(answer)
        assert api.on_share() == []
        ready = httpx.get(f"{api.url}/health/ready")
        assert (ready.status_code, ready.json()["durability"]) == (503, "unknown")
        assert REFUSALS[error] in ready.json()["problems"]["store"]
        assert "127.0.0.1" not in ready.text, "whoever asks has shown no key"
        assert httpx.get(f"{api.url}/health/live").status_code == 200


def test_a_read_only_store_takes_no_job_and_its_jobs_can_still_be_looked_at(tmp_path):
    with own(tmp_path) as (api, _, _, client):
        job_id = api.new_job()
        before = api.on_share()
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        for answer in (api.send(), api.http.post(f"/jobs/{job_id}/cancel")):
            assert "read only replica" in refused(answer)
        assert "read only replica" in api.http.get("/health/ready").json()["problems"]["store"]
        assert api.http.get(f"/jobs/{job_id}").json()["status"] == "PENDING"
        assert api.on_share() == before
        client.execute_command("REPLICAOF", "NO", "ONE")
        assert api.send().status_code == 200
        assert api.http.get("/health/ready").status_code == 200


def test_a_store_whose_memory_is_full_takes_no_job(tmp_path):
    with own(tmp_path) as (api, _, _, client):
        job_id = api.new_job()
        before = api.on_share()
        client.config_set("maxmemory", "1")
        assert "used memory > 'maxmemory'" in refused(api.send())
        assert "used memory > 'maxmemory'" in api.http.get("/health/ready").json()["problems"]["store"]
        assert api.http.get(f"/jobs/{job_id}").status_code == 200
        assert api.on_share() == before
        client.config_set("maxmemory", "0")
        assert api.send().status_code == 200


@contextmanager
def away(kind, store, proxy):
    if kind == "stopped":
        os.kill(store.pid, signal.SIGSTOP)
    else:
        proxy.mode = kind
    try:
        yield
    finally:
        proxy.mode = "ok"
        os.kill(store.pid, signal.SIGCONT)


def ask_at_once(api, job_id, *, meanwhile):
    """64 requests of all kinds, sent in one moment; what they were answered."""
    all_sent = threading.Barrier(65)

    def ask(n):
        with httpx.Client(base_url=api.url, headers={"x-api-key": KEY}, timeout=30) as http:
            all_sent.wait()
            if n % 4 == 0:
                return http.post("/jobs", files={"script": ("a.py", "def main(pc, params): pass\n")})
            return http.get(READS[n % len(READS)].format(job_id))

    with ThreadPoolExecutor(64) as threads:
        asked = [threads.submit(ask, n) for n in range(64)]
        all_sent.wait()
        meanwhile(asked)
        return [each.result() for each in asked]


@pytest.mark.parametrize("kind", ["stopped", "black hole", "refuse"])
def test_many_requests_at_once_while_the_store_is_away_hold_up_nobody_and_leave_nothing(tmp_path, kind):
    def others(asked):
        for n in range(20):
            assert httpx.get(f"{api.url}/health/live").status_code == 200
            assert n or kind == "refuse" or not all(each.done() for each in asked), "before those who need the store"

    with own(tmp_path) as (api, store, proxy, _):
        job_id = api.new_job()
        before = api.on_share()
        with away(kind, store, proxy):
            for answer in ask_at_once(api, job_id, meanwhile=others):
                assert "Redis does not answer" in refused(answer)
            assert "Redis does not answer" in refused(api.send())
            assert api.http.get("/processes").status_code == 200
            assert api.http.get("/health/ready").json()["problems"] == {"store": "Redis does not answer."}
        while api.http.get("/health/ready").status_code != 200:
            pass
        assert len(api.http.get("/jobs").json()["jobs"]) == 1, "what was refused does not run later"
        # Whose record may have been written keeps its folder until the janitor knows better.
        kept = [path for path in set(api.on_share()) - set(before) if "/" not in path]
        assert all(api.http.get(f"/jobs/{path}").status_code == 404 for path in kept)


def test_durability_is_read_from_the_server_and_where_it_is_forbidden_the_least_is_told(tmp_path):
    with own(tmp_path) as (api, _, _, client):
        assert api.http.get("/health/ready").json()["durability"] == "relaxed"
    with own(tmp_path / "2") as (api, _, _, client):
        client.config_set("appendfsync", "always")
        assert api.http.get("/health/ready").json()["durability"] == "strict"
    with own(tmp_path / "3") as (api, _, _, client):
        client.config_set("appendonly", "no")
        assert api.http.get("/health/ready").json()["durability"] == "none"
    with own(tmp_path / "4") as (api, _, _, client):
        client.config_set("appendfsync", "always")
        client.execute_command("ACL", "SETUSER", "default", "-config")
        assert api.http.get("/health/ready").json()["durability"] == "relaxed"
    with own(tmp_path / "5") as (api, _, _, client):
        client.execute_command("ACL", "SETUSER", "default", "-config", "-info")
        ready = api.http.get("/health/ready")
        assert (ready.status_code, ready.json()["durability"]) == (200, "unknown")


def test_a_store_that_evicts_keys_is_named_and_not_ready(tmp_path):
    with own(tmp_path) as (api, _, _, client):
        client.config_set("maxmemory", "1gb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        ready = api.http.get("/health/ready")
        assert ready.status_code == 503
        assert "maxmemory-policy is allkeys-lru, not noeviction" in ready.json()["problems"]["store"]
