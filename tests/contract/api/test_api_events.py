"""A job's changes as they happen: as server-sent events, and by an answer that waits for the job's end."""

import json
import threading
from contextlib import ExitStack

import httpx
import pytest

from pixyz_scheduler.broker.embedded import EmbeddedStore
from pixyz_scheduler.client.sse import EventLines
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from tests.contract.api.conftest import KEY, running, serving, settings_for
from tests.fakes.tcp_proxy import TcpProxy

NEVER = 60


class Heard:
    """An event stream, read event by event."""

    def __init__(self, answer):
        self._lines = answer.iter_lines()
        self._collected = EventLines()

    def next(self):
        """The next event; None where the stream ends."""
        return next((event for line in self._lines if (event := self._collected.feed(line))), None)

    def until(self, status):
        """The first event of this status."""
        while (event := self.next()) is not None:
            if json.loads(event.data)["status"] == status:
                return event
        raise AssertionError(f"the stream has ended without {status}")


def follow(api, job_id, last=None):
    return api.http.stream("GET", f"/jobs/{job_id}/events", headers={"last-event-id": last} if last else {})


def finish(api, job_id):
    assert api.commit(job_id, Finish(JobState.SUCCESS), result="null") is JobState.SUCCESS


def progress(api, job_id, percent):
    told = Progress(total=100)
    for number in range(percent + 1):
        told = told.next(str(number), 0.0)
    api.records.renew(job_id, lease=api.lease, progress=told)


def test_each_change_of_a_job_is_told_to_its_end(api):
    job_id = api.new_job()
    with follow(api, job_id) as answer:
        heard = Heard(answer)
        assert answer.headers["content-type"].startswith("text/event-stream")
        first = heard.next()
        assert (first.name, json.loads(first.data)["status"]) == ("state", "PENDING")
        api.claim(job_id)
        assert heard.next().name == "state"
        progress(api, job_id, 40)
        told = heard.until("RUNNING")
        assert (told.name, json.loads(told.data)["progress"]) == ("state", 40)
        progress(api, job_id, 41)
        told = heard.next()
        assert (told.name, json.loads(told.data)["progress"]) == ("progress", 41)
        finish(api, job_id)
        assert json.loads(heard.next().data)["status"] == "SUCCESS"
        assert heard.next() is None


def test_an_event_carries_what_the_job_answers_itself(api):
    job_id = api.new_job()
    with follow(api, job_id) as answer:
        assert json.loads(Heard(answer).next().data) == api.http.get(f"/jobs/{job_id}").json()
    api.http.delete(f"/jobs/{job_id}")


def test_who_comes_back_is_told_what_happened_meanwhile_and_nothing_twice(api):
    job_id = api.new_job()
    with follow(api, job_id) as answer:
        last = Heard(answer).next().id
    with follow(api, job_id, last) as answer:
        api.claim(job_id)
        event = Heard(answer).next()
        assert json.loads(event.data)["status"] == "STARTED"
    finish(api, job_id)
    with follow(api, job_id, event.id) as answer:
        heard = Heard(answer)
        last = heard.next().id
        assert heard.next() is None
    with follow(api, job_id, last) as answer:
        assert answer.status_code == 204


def test_many_follow_one_job_and_all_hear_its_end(api):
    job_id = api.new_job()
    api.claim(job_id)
    ends, begun = [], threading.Barrier(21)

    def listen():
        with httpx.stream("GET", f"{api.url}/jobs/{job_id}/events", headers={"x-api-key": KEY}, timeout=20) as answer:
            heard = Heard(answer)
            heard.next()
            begun.wait()
            ends.append(json.loads(heard.until("SUCCESS").data)["status"])

    threads = [threading.Thread(target=listen) for _ in range(20)]
    for thread in threads:
        thread.start()
    begun.wait()
    finish(api, job_id)
    for thread in threads:
        thread.join()
    assert ends == ["SUCCESS"] * 20


def test_a_stream_ends_when_its_job_is_removed(api):
    job_id = api.new_job()
    with follow(api, job_id) as answer:
        heard = Heard(answer)
        heard.next()
        api.http.delete(f"/jobs/{job_id}")
        while heard.next() is not None:
            pass
    assert api.http.get(f"/jobs/{job_id}/events").status_code == 404


def test_an_unknown_job_has_no_events_and_no_wait(api):
    unknown = "00000000-0000-4000-8000-000000000000"
    assert api.http.get(f"/jobs/{unknown}/events").status_code == 404
    assert api.http.get(f"/jobs/{unknown}", params={"wait": NEVER}).status_code == 404


def test_events_ask_for_the_key(api):
    job_id = api.new_job()
    assert httpx.get(f"{api.url}/jobs/{job_id}/events").status_code == 401
    api.http.delete(f"/jobs/{job_id}")


def test_a_server_that_stops_lets_its_followers_go(store_url, tmp_path):
    settings = settings_for(store_url, tmp_path)
    with running(settings) as api, ExitStack() as listening:
        job_id = api.new_job()
        with serving(settings) as url:
            answer = listening.enter_context(
                httpx.stream("GET", f"{url}/jobs/{job_id}/events", headers={"x-api-key": KEY}, timeout=20)
            )
            heard = Heard(answer)
            heard.next()
        assert heard.next() is None


def test_an_answer_waits_for_the_end_of_its_job(api):
    job_id = api.new_job()
    api.claim(job_id)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(api.http.get(f"/jobs/{job_id}", params={"wait": NEVER})))
    asking.start()
    finish(api, job_id)
    asking.join()
    assert answers[0].json()["status"] == "SUCCESS"


def test_an_answer_waits_no_longer_than_it_was_asked_to(api):
    job_id = api.new_job()
    assert api.http.get(f"/jobs/{job_id}", params={"wait": 0.01}).json()["status"] == "PENDING"
    api.http.delete(f"/jobs/{job_id}")


def test_nobody_waits_where_nobody_asked_to(api):
    job_id = api.new_job()
    assert api.http.get(f"/jobs/{job_id}").json()["status"] == "PENDING"
    api.http.delete(f"/jobs/{job_id}")


@pytest.mark.parametrize("wait", ["-1", "61", "soon", "nan"])
def test_a_wait_that_cannot_be_is_bad_input(api, wait):
    job_id = api.new_job()
    assert api.http.get(f"/jobs/{job_id}", params={"wait": wait}).status_code == 400
    api.http.delete(f"/jobs/{job_id}")


def test_who_follows_a_job_hears_of_it_though_the_line_to_the_store_was_forgotten(tmp_path):
    with EmbeddedStore.start(tmp_path) as store, TcpProxy(store.address.socket) as proxy:
        settings = settings_for(store.store_url, tmp_path, celery_broker_url=f"redis://127.0.0.1:{proxy.port}/5")
        with running(settings) as api:
            job_id = api.new_job()
            with follow(api, job_id) as answer:
                heard = Heard(answer)
                heard.next()
                proxy.cut()
                while api.http.post(f"/jobs/{job_id}/cancel").status_code == 503:
                    pass
                assert heard.until("REVOKED").name == "state"
