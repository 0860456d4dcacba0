"""An API that is killed by SIGKILL, at each step and at random moments: no half job, and one job for a key.

`PIXYZ_API_KILLS=1000 pytest tests/component/test_api_kills.py` kills as many.
"""

import json
import os
import random
import subprocess
import sys
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.listing import JobFilter, list_jobs
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.storage.share import Share
from tests.contract.api.conftest import KEY, settings_for
from tests.fakes.mortal_api import OFFERING, STEPS, TAKING

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("PIXYZ_API_KILLS", "60"))
SCRIPT = b"def main(pc, params):\n    return 1\n"
# Seconds from a server's fork to its kill; its start takes some of them.
EARLIEST, LATEST = 0.05, 0.5
DATABASE = 6


def body_of(key, size):
    # What follows a slash tells one key from another with the same body.
    return random.Random(key.partition("/")[0]).randbytes(size)  # noqa: S311  (no secret)


@dataclass
class Mortal:
    """Servers that die, the clients that meet them, and what those were told."""

    process: subprocess.Popen
    url: str
    share: Share
    records: RecordStore
    client: object
    #: By key: how many bytes were sent, and the id that was answered.
    sent: dict = field(default_factory=dict)
    answered: dict = field(default_factory=dict)

    def fork(self, step=""):
        self.process.stdin.write(f"{step}\n")
        self.process.stdin.flush()
        return psutil.Process(int(self.process.stdout.readline()))

    def post(self, key, http, **config):
        """The answer, or None where there came none."""
        files = {"script": ("job.py", SCRIPT), "file": ("a.stl", body_of(key, self.sent[key]))}
        try:
            answer = http.post(
                "/jobs", files=files, data={"name": key, "config": json.dumps(config)}, headers={"Idempotency-Key": key}
            )
        except httpx.TransportError:
            return None
        if answer.status_code == 200:
            before = self.answered.setdefault(key, answer.json()["uuid"])
            assert before == answer.json()["uuid"]
        return answer

    def new_key(self, size):
        key = str(uuid.uuid4())
        self.sent[key] = size
        return key

    def http(self):
        return httpx.Client(base_url=self.url, headers={"x-api-key": KEY}, timeout=30)

    def let_grips_run_out(self):
        """30 s pass, for the keys that a killed server held."""
        for name in self.client.scan_iter("ps:idem:*"):
            if self.client.hget(name, "id") is None:
                self.client.delete(name)

    def jobs(self):
        """Key -> ids of the records."""
        found, cursor = {}, None
        while True:
            page = list_jobs(self.records, JobFilter(), limit=500, cursor=cursor)
            for report in page.reports:
                found.setdefault(report.job.name, []).append(report.job.id)
            if not (cursor := page.cursor):
                return found

    def check(self):
        """Each record has its whole folder, each answer its record, each key one job; how many folders have none."""
        jobs = self.jobs()
        for key, ids in jobs.items():
            assert len(ids) == 1, key
            inputs = self.share.folder(ids[0]).inputs
            assert {path.name: path.read_bytes() for path in inputs.iterdir()} == {
                "job.py": SCRIPT,
                "a.stl": body_of(key, self.sent[key]),
            }
            assert json.loads((inputs.parent / ".state" / "job.json").read_bytes())["record"]["name"] == key
        assert {key: jobs[key] for key in self.answered} == {key: [job] for key, job in self.answered.items()}
        recorded = {job for ids in jobs.values() for job in ids}
        folders = {path.name for path in self.share.root.iterdir() if not path.name.startswith(".")}
        assert recorded <= folders
        return len(folders - recorded)


@pytest.fixture(scope="module")
def mortal(store_url, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mortal")
    settings = settings_for(store_url, folder)
    values = {
        "celery_broker_url": settings.celery_broker_url.get_secret_value().replace(
            "virtual_host=5", f"virtual_host={DATABASE}"
        ),
        "god_password_sha256": settings.god_password_sha256.get_secret_value(),
        "share_path": str(settings.share_path),
        "process_path": str(settings.process_path),
    }
    process = subprocess.Popen(
        [sys.executable, ROOT / "tests" / "fakes" / "mortal_api.py", json.dumps(values)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process, connect(store_url.replace("db=0", f"db={DATABASE}")) as client:
        client.flushdb()
        port = int(process.stdout.readline())
        yield Mortal(process, f"http://127.0.0.1:{port}", Share(settings.share_path), RecordStore(client), client)
        process.stdin.close()


def end(server):
    server.kill()
    # Its parent reaps it at the next fork.
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
        pass


@pytest.mark.parametrize("step", STEPS)
def test_an_api_that_is_killed_at_a_step_leaves_a_whole_job_or_none_and_the_client_may_ask_again(mortal, step):
    key = mortal.new_key(3 << 20)
    without_record = mortal.check()
    mortal.fork(step)
    with mortal.http() as http:
        assert mortal.post(key, http) is None, "it was to die"
        left = mortal.check() - without_record
        is_recorded = key in mortal.jobs()
        server = mortal.fork()
        first = mortal.post(key, http)
        assert first.status_code == (200 if is_recorded else 409)
        mortal.let_grips_run_out()
        again = mortal.post(key, http)
        assert again.status_code == 200
        assert (again.headers.get("idempotent-replayed") == "true") == is_recorded
        assert len(mortal.jobs()[key]) == 1
    renamed = (
        list(STEPS).index("it is renamed")
        <= list(STEPS).index(step)
        <= list(STEPS).index("the record is about to be written")
    )
    assert left == renamed
    assert is_recorded == (list(STEPS).index(step) >= list(STEPS).index("the record is written"))
    end(server)


@pytest.mark.parametrize("step", [*OFFERING, *TAKING])
def test_an_api_that_is_killed_while_it_shares_an_input_leaves_whole_jobs_that_share_it_afterwards(mortal, step):
    first = mortal.new_key(3 << 20)
    killed, last = f"{first}/2", f"{first}/3"
    mortal.sent |= dict.fromkeys((killed, last), 3 << 20)
    # A client each: a connection to a server that is gone would break by itself.
    if step in TAKING:
        server = mortal.fork()
        with mortal.http() as http:
            assert mortal.post(first, http, deduplicate=True).status_code == 200
        end(server)
    mortal.fork(step)
    with mortal.http() as http:
        assert mortal.post(killed, http, deduplicate=True) is None, "it was to die"
    mortal.check()
    server = mortal.fork()
    mortal.let_grips_run_out()
    with mortal.http() as http:
        assert {mortal.post(key, http, deduplicate=True).status_code for key in (killed, first, last)} == {200}
    mortal.check()
    jobs = mortal.jobs()
    inputs = [mortal.share.folder(jobs[key][0]).inputs / "a.stl" for key in (first, killed, last)]
    assert len({path.stat().st_ino for path in inputs}) == 1
    end(server)


class Senders:
    """Clients that send on and on, each new key until it has an answer."""

    def __init__(self, mortal):
        self.mortal, self.seen, self.done = mortal, Counter(), threading.Event()
        self.threads = [threading.Thread(target=self._send, args=(number,)) for number in range(3)]

    def _send(self, number):
        chance = random.Random(number)  # noqa: S311  (no secret)
        with self.mortal.http() as http:
            while not self.done.is_set():
                unanswered = sorted(self.mortal.sent.keys() - self.mortal.answered.keys())
                if unanswered and chance.random() < 0.5:
                    key = chance.choice(unanswered)
                else:
                    key = self.mortal.new_key(chance.choice((100, 100, 300_000, 3 << 20)))
                answer = self.mortal.post(key, http)
                self.seen["cut" if answer is None else answer.status_code] += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.timeout(60 + 3 * KILLS)
def test_apis_that_are_killed_at_any_moment_leave_no_half_job_and_one_job_for_a_key(mortal):
    chance, moment = random.Random(20), threading.Event()  # noqa: S311  (no secret)
    without_record = mortal.check()
    with Senders(mortal) as senders:
        for _ in range(KILLS):
            server = mortal.fork()
            moment.wait(chance.uniform(EARLIEST, LATEST))
            end(server)
            mortal.let_grips_run_out()
        server = mortal.fork()
        senders.done.set()
    left = mortal.check() - without_record
    mortal.let_grips_run_out()
    with mortal.http() as http:
        for key in mortal.sent.keys() - mortal.answered.keys():
            assert mortal.post(key, http).status_code == 200
    assert mortal.jobs().keys() == mortal.sent.keys() == mortal.answered.keys()
    # A folder without a record is one that was cut off: never more of them.
    assert mortal.check() - without_record == left <= senders.seen["cut"]
    print(f"{KILLS} kills: {dict(senders.seen)}, {len(mortal.sent)} keys, {left} folders without a record")
    assert senders.seen["cut"] > KILLS / 3
    assert senders.seen[200] > KILLS / 3
    end(server)
