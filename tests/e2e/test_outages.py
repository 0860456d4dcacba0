"""A real worker through every fault of its store: it comes back by itself, and a job sent afterwards is run."""

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pixyz_scheduler.broker.celery_app import make_celery
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.dispatch import CeleryDispatch
from pixyz_scheduler.broker.embedded import EmbeddedStore
from pixyz_scheduler.broker.records import Bell, RecordStore
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage.share import Share
from tests.fakes.tcp_proxy import TcpProxy

ROOT = Path(__file__).parents[2]
SOURCE = "def main(pc, params):\n    return 'done'\n"
GATE = """
import os, time

def main(pc, params):
    open({0!r}, "w").close()
    while not os.path.exists({1!r}):
        time.sleep(0.01)
    return "through"
"""


@dataclass
class Farm:
    """A store, and a worker that reaches it through a proxy; we reach it without."""

    store: EmbeddedStore
    proxy: TcpProxy
    share: Share
    process: "subprocess.Popen[bytes]"
    log: Path

    def __post_init__(self):
        self.client = connect(self.store.store_url, timeout=2.0)
        self.records = RecordStore(self.client)
        app = make_celery(broker_url=self.store.broker_url, result_backend=self.store.result_backend)
        self.dispatch = CeleryDispatch(app, self.client)

    def send(self, source=SOURCE):
        job_id = JobId(str(uuid.uuid4()))
        with self.share.incoming() as incoming:
            with incoming.create("script", "a.py") as file:
                file.write(source.encode())
            incoming.adopt(job_id)
        self.records.submit(Job(job_id, "custom", JobOptions(), submitted=time.time(), script="a.py"))
        self.dispatch.ring(Bell(job_id, "cpu", 5))
        return job_id

    def until(self, is_so):
        while not is_so():
            assert self.process.poll() is None, "the worker has gone"
            time.sleep(0.02)

    def ended(self, job_id):
        self.until(lambda: self.records.report(job_id).state.is_terminal)
        return self.records.report(job_id)

    def says(self, words, *, after):
        """Wait for words in the worker's log."""
        self.until(lambda: words in self.log.read_text(errors="replace")[after:])


@contextmanager
def working(store, proxy, folder, **settings):
    """A worker, which has ended a job."""
    (folder / "share").mkdir()
    log = folder / "worker.log"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "CELERY_BROKER_URL": f"redis://127.0.0.1:{proxy.port}/0",
        "SHARE_PATH": str(folder / "share"),
        "QUEUE_NAME": "cpu",
        "ENGINE": "none",
        "DRAIN_TIMEOUT": "0",
        "LOG_LEVEL": "DEBUG",
        **settings,
    }
    command = [sys.executable, "-m", "pixyz_scheduler", "worker"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    farm = Farm(store, proxy, Share(folder / "share"), process, log)
    try:
        farm.ended(farm.send())
        yield farm
    finally:
        proxy.mode = "ok"
        process.terminate()
        process.wait()
        farm.client.close()


@pytest.fixture
def farm(tmp_path):
    with (
        EmbeddedStore.start(tmp_path / "data") as store,
        TcpProxy(store.address.socket) as proxy,
        working(store, proxy, tmp_path) as farm,
    ):
        yield farm


@dataclass
class Faulty:
    """What a fault happens to."""

    store: EmbeddedStore
    proxy: TcpProxy
    client: object


# A fault, and the words by which the worker's log shows that it has met it.
FAULTS = {
    "read-only": "write against a read only replica",
    "out of memory": "command not allowed when used memory",
    "stopped": "not swept",
    "black hole": "not swept",
    "refuse": "Cannot connect",
}
THE_SERVERS = ("read-only", "out of memory", "stopped")


@contextmanager
def fault(farm, kind):
    match kind:
        case "read-only":
            farm.client.execute_command("REPLICAOF", "127.0.0.1", "1")
            yield
            farm.client.execute_command("REPLICAOF", "NO", "ONE")
        case "out of memory":
            farm.client.config_set("maxmemory", "1")
            yield
            farm.client.config_set("maxmemory", "0")
        case "stopped":
            os.kill(farm.store.pid, signal.SIGSTOP)
            try:
                yield
            finally:
                os.kill(farm.store.pid, signal.SIGCONT)
        case _:
            farm.proxy.mode = kind
            yield
            farm.proxy.mode = "ok"


@pytest.mark.parametrize("kind", FAULTS)
def test_a_worker_comes_back_by_itself_after_a_fault_of_its_store(farm, kind):
    said = farm.log.stat().st_size
    with fault(farm, kind):
        farm.says(FAULTS[kind], after=said)
    assert farm.ended(farm.send()).state is JobState.SUCCESS


def test_a_worker_whose_lines_were_cut_without_a_word_hears_the_next_doorbell(farm):
    """As a router does that forgets: what is sent on them arrives nowhere, and nobody says so."""
    farm.proxy.cut()
    assert farm.ended(farm.send()).state is JobState.SUCCESS


@pytest.mark.parametrize("kind", THE_SERVERS)
def test_a_job_under_way_goes_on_after_a_fault_of_its_store_and_is_charged_nothing(farm, kind, tmp_path):
    here, gate = tmp_path / "here", tmp_path / "gate"
    job_id = farm.send(GATE.format(str(here), str(gate)))
    farm.until(here.exists)
    said = farm.log.stat().st_size
    with fault(farm, kind):
        farm.says("not renewed", after=said)
        gate.touch()
    report = farm.ended(job_id)
    assert (report.state, report.retries, len(report.attempts)) == (JobState.SUCCESS, 0, 1)
    assert farm.ended(farm.send()).state is JobState.SUCCESS


@pytest.mark.parametrize("kind", ["read-only", "out of memory", "refuse"])
def test_a_worker_whose_meta_is_refused_when_a_job_ends_hears_the_next_doorbell(tmp_path, kind):
    """Its only slot would count as taken for ever: alive, and deaf."""
    with (
        EmbeddedStore.start(tmp_path / "data") as store,
        EmbeddedStore.start(tmp_path / "results") as results,
        TcpProxy(store.address.socket) as proxy,
        TcpProxy(results.address.socket) as to_results,
        working(store, proxy, tmp_path, CELERY_RESULT_BACKEND=f"redis://127.0.0.1:{to_results.port}/0") as farm,
        connect(results.store_url) as client,
    ):
        with fault(Faulty(results, to_results, client), kind):
            for _ in range(2):
                assert farm.ended(farm.send()).state is JobState.SUCCESS
        assert farm.ended(farm.send()).state is JobState.SUCCESS
