"""The API as its users meet it: served by uvicorn on a port of its own, on a real store and a real share."""

import hashlib
import itertools
import os
import socket
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import uvicorn

from pixyz_scheduler.api.app import Server, make_app
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.families import Families
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.store_url import StoreUrl
from pixyz_scheduler.storage.share import Share

KEY = "a key for tests"
# Others use 0, with a clock of their own; each share has a database of its own, as a store has one share.
DATABASE = 4
_databases = itertools.cycle(range(5, 25))

PROCESSES = {
    "sleep": 'def main(pc, params):\n    """Sleep for a while."""\n',
    "silent": "def main(pc, params):\n    pass\n",
    "__init__": "",
}


@contextmanager
def serving(settings):
    """The API on a free port, until the end; gives its address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    # From now on connections wait in line until the server takes them.
    listening.listen()
    config = uvicorn.Config(make_app(settings), http="httptools", log_config=None, timeout_graceful_shutdown=2)
    server = Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def settings_for(store_url, folder, **changes):
    processes = folder / "processes"
    processes.mkdir(exist_ok=True)
    for name, source in PROCESSES.items():
        (processes / f"{name}.py").write_text(source)
    share = folder / "share"
    share.mkdir(exist_ok=True)
    store = StoreUrl.parse(store_url).with_database(next(_databases))
    with connect(store.redis_py) as client:
        client.flushdb()
    values = {
        "celery_broker_url": store.kombu,
        "god_password_sha256": hashlib.sha256(KEY.encode()).hexdigest(),
        "share_path": share,
        "process_path": processes,
        "debug": True,
        # The machine's disk is no part of these tests.
        "min_free_space": 0,
    }
    return Settings(**{**values, **changes})


@dataclass
class Api:
    """A running API, and the worker's side of its store."""

    url: str
    settings: Settings
    share: Share
    families: Families
    http: httpx.Client
    lease: Lease = field(default_factory=lambda: Lease(Fence(uuid.uuid4().hex), "worker-1", ttl=600.0))

    @property
    def records(self):
        return self.families.records

    def send(self, source="def main(pc, params): pass\n", *, filename="job.py", files=None, **fields):
        """POST /jobs with a script."""
        sent = {"script": (filename, source)} if source is not None else {}
        return self.http.post("/jobs", files={**sent, **(files or {})}, data=fields)

    def new_job(self, **fields):
        """The id of a job just sent."""
        answer = self.send(**fields)
        assert answer.status_code == 200, answer.text
        return JobId(answer.json()["uuid"])

    def claim(self, job_id, queue="cpu"):
        return self.records.claim(job_id, queue=queue, lease=self.lease)

    def commit(self, job_id, decision, **fields):
        return self.records.commit(job_id, decision, lease=self.lease, fields=fields)

    def output(self, job_id, name, data):
        path = self.share.folder(job_id).outputs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def on_share(self):
        """Every file and folder of the share, save the corners that stay."""
        # os.walk, unlike rglob, takes no offence at what goes away meanwhile.
        found = {
            Path(folder, name) for folder, folders, files in os.walk(self.share.root) for name in (*folders, *files)
        }
        return sorted(
            {str(path.relative_to(self.share.root)) for path in found} - {".incoming", ".trash", ".ps-share-id"}
        )

    def settled(self, before):
        """Whether the share is soon as it was: each answer asked for gives the server a turn."""
        asked = (self.http.get("/processes").status_code for _ in range(1000))
        return any(status == 200 and self.on_share() == before for status in asked)


@contextmanager
def running(settings):
    with (
        serving(settings) as url,
        httpx.Client(base_url=url, headers={"x-api-key": KEY}, timeout=20) as http,
        connect(settings.store_url) as client,
    ):
        yield Api(url, settings, Share(settings.share_path), Families(RecordStore(client), client), http)


@pytest.fixture(scope="module")
def settings(store_url, tmp_path_factory):
    return settings_for(store_url, tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="module")
def api(settings):
    with running(settings) as api:
        yield api
