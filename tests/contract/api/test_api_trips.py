"""How often the store is asked: held here, since each trip is time that every job pays."""

import re
import uuid
from contextlib import contextmanager
from threading import Thread

import pytest
import redis

from pixyz_scheduler.broker.connection import connect

SCRIPT = {"script": ("a.py", b"def main(pc, params):\n    pass\n")}


@contextmanager
def watched(url, key):
    """What the store was sent meanwhile that has this text in it: (by a script in it?, text)."""
    seen, end = [], uuid.uuid4().hex
    with connect(url) as client, redis.Redis.from_url(url, socket_timeout=None) as other, other.monitor() as monitor:

        def read():
            for told in monitor.listen():
                if end in told["command"]:
                    return
                if re.search(key, told["command"]):
                    seen.append((told["client_type"] == "lua", told["command"]))

        thread = Thread(target=read)
        thread.start()
        try:
            yield seen
        finally:
            client.echo(end)
            thread.join()


@pytest.fixture
def store(api):
    """Where this API's jobs are; what is done once is done."""
    for headers in ({}, {"Idempotency-Key": "another"}):
        api.http.post("/jobs", files=SCRIPT, headers=headers)
    return api.settings.store_url


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "one"}])
def test_a_post_asks_the_store_once_and_the_doorbell_rings_in_the_same_script(api, store, headers):
    with watched(store, "custom|the-job|pixyz_execute") as seen:
        job = api.http.post("/jobs", files=SCRIPT, headers=headers).json()["uuid"]
    trips = [text for by_script, text in seen if not by_script]
    assert len(trips) == 1
    assert trips[0].startswith("EVALSHA")
    assert [text for by_script, text in seen if by_script and text.startswith("LPUSH cpu:5 ") and job in text]


def test_a_look_at_a_job_asks_the_store_once(api, store):
    job = api.http.post("/jobs", files=SCRIPT).json()["uuid"]
    with watched(store, job) as seen:
        assert api.http.get(f"/jobs/{job}").status_code == 200
    assert [text.split()[0] for by_script, text in seen if not by_script] == ["HGETALL"]


def test_the_bell_in_the_queue_is_the_only_one_however_often_the_same_submission_comes(api, store):
    with connect(store) as client:
        client.delete("cpu:5")
        for _ in range(2):
            api.http.post("/jobs", files=SCRIPT, headers={"Idempotency-Key": "twice"})
        assert client.llen("cpu:5") == 1
