"""One trace for a job, from its POST to its last attempt: a real API and worker, and a collector of their spans."""

import json
import os
import shutil
import signal
import time
from contextlib import contextmanager

import httpx
import pytest

from tests.conftest import missing
from tests.e2e.farms import ALL_QUEUES, KEY, Here, a_farm
from tests.e2e.guide import Guide, Reader
from tests.fakes.otlp_receiver import a_receiver

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "theirs=1"}
STEPS = """
import os

def main(pc, params):
    pc.progress_set_total(2)
    pc.progress_next("Importing wheel.step")
    pc.progress_next("Exporting wheel.glb")
    keys = [name for name in os.environ if "HEADERS" in name]
    return [os.environ.get("TRACEPARENT"), os.environ.get("TRACESTATE"), keys]
"""
CRASHES_ONCE = """
import os, signal

def main(pc, params):
    if pc["retry"] == 0:
        pc.progress_next("Importing")
        os.kill(os.getpid(), signal.SIGSEGV)
    return "done"
"""
RAISES = """
def main(pc, params):
    raise ValueError("no such part")
"""
FAMILY = """
from pixyz_worker.script import *

def main(pc, params):
    pixyz_execute.s({}, pc.clone().update(entrypoint="child", raw=True, compute_only=True)).set(queue="cpu").delay()

def child(pc, params):
    return 1
"""
GATE = """
import os, time

def main(pc, params):
    if pc["retry"] == 0:
        open(params["here"], "w").close()
        time.sleep(600)
"""


class Traced:
    """A farm whose spans are collected."""

    def __init__(self, farm, http, spans):
        self.farm, self.http, self.spans = farm, http, spans

    def send(self, source, headers=None, params=None, **config):
        answer = self.http.post(
            "/jobs",
            files={"script": ("job.py", source)},
            data={"config": json.dumps(config), "params": json.dumps(params or {})},
            headers=headers or {},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["uuid"]

    def ended(self, uuid):
        while (details := self.http.get(f"/jobs/{uuid}/details").json())["status"] not in ("SUCCESS", "FAILURE"):
            time.sleep(0.05)
        return details


@contextmanager
def traced_farm(folder, endpoint, spans=None, **more):
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_HEADERS": "collector-key=hush-hush",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "ENGINE": "none",
        **more,
    }
    with a_farm(folder, [(Here(), ALL_QUEUES)], settings=settings) as farm:
        key = {"x-api-key": KEY}
        with httpx.Client(base_url=farm.environment["PIXYZ_URL"], headers=key, timeout=30) as http:
            yield Traced(farm, http, spans)


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    with a_receiver() as spans, traced_farm(tmp_path_factory.mktemp("traced"), spans.url, spans) as traced:
        yield traced


def test_a_job_is_one_trace_from_its_post_to_its_commit(traced):
    spans, uuid = traced.spans, traced.send(STEPS, CALLER)
    attempt, post, wait = (spans.one(name, job=uuid) for name in ("attempt 1", "POST /jobs", "queue wait"))
    assert (post.trace, post.parent, post.kind) == (TRACE, SPAN, "SERVER")
    assert post.attributes["http.response.status_code"] == 200
    assert post.attributes["http.route"] == "/jobs"
    assert post.resource["service.name"] == "pixyz-scheduler-api"
    assert {(span.trace, span.parent) for span in (wait, attempt)} == {(TRACE, post.id)}
    assert post.start <= wait.start <= wait.end == attempt.start <= attempt.end
    prepare, child, commit = spans.below(attempt)
    assert [span.name for span in (prepare, child, commit)] == ["prepare", "child", "commit"]
    assert attempt.start == prepare.start <= prepare.end == child.start <= child.end <= commit.start <= commit.end
    assert [step.name for step in spans.below(child)] == ["Importing wheel.step", "Exporting wheel.glb"]
    assert "last word" in child.events
    assert not any(span.is_error for span in spans.spans if span.attributes.get("pixyz.job.id") == uuid)


def test_an_attempt_says_where_it_was_made_and_how_it_ended(traced):
    uuid = traced.send(STEPS, CALLER, name="wheel")
    attempt, post = (traced.spans.one(name, job=uuid) for name in ("attempt 1", "POST /jobs"))
    told = {"pixyz.queue": "cpu", "pixyz.attempt.number": 1, "pixyz.attempt.outcome": "success", "process.exit.code": 0}
    assert told.items() <= attempt.attributes.items()
    assert attempt.attributes["pixyz.job.state"] == "SUCCESS"
    assert attempt.attributes["messaging.destination.name"] == "cpu"
    assert attempt.attributes["pixyz.worker"] == attempt.resource["service.instance.id"]
    assert (attempt.kind, attempt.links) == ("CONSUMER", ((TRACE, post.id),))
    assert attempt.resource["service.name"] == "pixyz-scheduler-worker"


def test_a_script_goes_on_with_the_trace_and_nobody_sees_the_collectors_key(traced):
    uuid = traced.send(STEPS, CALLER)
    parent, state, keys = traced.ended(uuid)["result"]
    assert parent == f"00-{TRACE}-{traced.spans.one('attempt 1', job=uuid).id}-01"
    assert state == "theirs=1"
    assert keys == []
    assert "hush-hush" in {headers.get("collector-key") for headers in traced.spans.headers}
    assert "hush-hush" not in traced.farm.log


def test_a_crash_and_the_second_try_are_spans_side_by_side(traced):
    uuid = traced.send(CRASHES_ONCE, queue="cpu")
    assert traced.ended(uuid)["status"] == "SUCCESS"
    first, second = (traced.spans.one(f"attempt {number}", job=uuid) for number in (1, 2))
    assert first.parent == second.parent == traced.spans.one("POST /jobs", job=uuid).id
    assert first.trace == second.trace
    assert (first.is_error, second.is_error) == (True, False)
    assert first.attributes["pixyz.attempt.outcome"] == first.attributes["error.type"] == "signal"
    assert first.attributes["pixyz.process.exit.signal"] == signal.SIGSEGV
    assert first.attributes["pixyz.job.state"] == "RETRY"
    assert (first.attributes["pixyz.queue"], second.attributes["pixyz.queue"]) == ("cpu", "gpuhigh")
    assert "SIGSEGV" in first.events["exception"]["exception.message"]
    (child,) = [span for span in traced.spans.below(first) if span.name == "child"]
    assert child.is_error
    assert [step.name for step in traced.spans.below(child)] == ["Importing"]
    waits = [span for span in traced.spans.named("queue wait") if span.attributes["pixyz.job.id"] == uuid]
    assert [wait.attributes["pixyz.attempt.number"] for wait in waits] == [1, 2]


def test_what_a_script_raises_is_an_exception_of_its_span(traced):
    uuid = traced.send(RAISES)
    assert traced.ended(uuid)["status"] == "FAILURE"
    attempt = traced.spans.one("attempt 1", job=uuid)
    told = attempt.events["exception"]
    assert (told["exception.type"], told["exception.message"]) == ("ValueError", "no such part")
    assert 'raise ValueError("no such part")' in told["exception.stacktrace"]
    assert attempt.message == "ValueError: no such part"
    assert attempt.attributes["pixyz.attempt.outcome"] == "script_error"


def test_a_job_that_another_has_started_goes_on_under_its_attempt(traced):
    uuid = traced.send(FAMILY, CALLER)
    traced.ended(uuid)
    (child,) = traced.http.get(f"/jobs/{uuid}/details").json()["children"]
    assert traced.ended(child)["status"] == "SUCCESS"
    outer, inner = (traced.spans.one("attempt 1", job=job) for job in (uuid, child))
    assert (inner.trace, inner.parent) == (TRACE, outer.id)
    assert inner.attributes["pixyz.job.parent"] == uuid
    assert inner.attributes["pixyz.job.entrypoint"] == "child"


@pytest.mark.parametrize(
    "headers",
    [{}, {"traceparent": "00-nonsense-01", "tracestate": "a=1"}, {"traceparent": f"00-{'0' * 32}-{SPAN}-01"}],
    ids=["none", "nonsense", "zeros"],
)
def test_without_a_good_header_a_job_has_a_trace_of_its_own(traced, headers):
    uuid = traced.send(STEPS, headers)
    assert traced.ended(uuid)["status"] == "SUCCESS"
    attempt, post = traced.spans.one("attempt 1", job=uuid), traced.spans.one("POST /jobs", job=uuid)
    assert post.parent == ""
    assert attempt.trace == post.trace != TRACE
    assert attempt.parent == post.id


def test_what_its_sender_does_not_record_is_not_recorded_here(traced):
    trace = "ab" * 16
    uuid = traced.send(STEPS, {"traceparent": f"00-{trace}-{SPAN}-00"})
    parent, *_ = traced.ended(uuid)["result"]
    assert parent.startswith(f"00-{trace}-")
    assert parent.endswith("-00")
    traced.spans.one("attempt 1", job=traced.send(STEPS))
    assert trace not in {span.trace for span in traced.spans.spans}


def test_what_is_refused_has_a_span_and_no_error_of_ours(traced):
    trace = "cd" * 16
    headers = {"traceparent": f"00-{trace}-{SPAN}-01"}
    assert traced.http.post("/jobs", data={"process": "no_such"}, headers=headers).status_code == 400
    assert traced.http.post("/jobs", headers={**headers, "x-api-key": "wrong"}).status_code == 401
    while not (found := [span for span in traced.spans.spans if span.trace == trace]):
        time.sleep(0.05)
    assert [(span.attributes["http.response.status_code"], span.is_error) for span in found] == [(400, False)]


def test_the_trace_goes_on_where_a_worker_is_lost(traced, tmp_path):
    here = tmp_path / "here"
    with traced.farm.worker("cpu-here") as first:
        uuid = traced.send(GATE, params={"here": str(here)}, queue="cpu-here")
        while not here.exists():
            time.sleep(0.05)
        os.killpg(first.pid, signal.SIGKILL)
        lost = traced.spans.one("attempt 1", job=uuid)
    assert lost.attributes["pixyz.attempt.outcome"] == "worker_lost"
    assert lost.is_error
    assert lost.parent == traced.spans.one("POST /jobs", job=uuid).id


def test_the_guide_runs(traced, tmp_path):
    if shutil.which("bash") is None or shutil.which("curl") is None:
        missing("bash and curl, with which the page's commands are run")
    guide, reader = Guide("docs/how-to/trace-jobs.md"), Reader.begin(tmp_path, traced.farm.environment)
    install, send = guide.blocks
    assert install.startswith("pip install")
    (printed,) = reader.follow([send])
    attempt = traced.spans.one("attempt 1", job=json.loads(printed)["uuid"])
    assert attempt.trace in send
    guide.saved("repair.py", tmp_path)
    uuid = traced.send((tmp_path / "repair.py").read_text())
    assert traced.ended(uuid)["result"] == "repaired"
    (own,) = traced.spans.named("mesh repair")
    assert own.parent == traced.spans.one("attempt 1", job=uuid).id


def test_a_collector_that_is_not_there_hurts_no_job_and_is_told_once(tmp_path):
    with traced_farm(tmp_path, "http://127.0.0.1:1", OTEL_EXPORTER_OTLP_TIMEOUT="1") as traced:
        for _ in range(3):
            assert traced.ended(traced.send(STEPS))["status"] == "SUCCESS"
            while traced.farm.log.count("traces are not sent") < 2:
                time.sleep(0.05)
    log = traced.farm.log
    told = [line for line in log.splitlines() if "traces are not sent" in line]
    assert len(told) == 2  # API and worker
    assert all("WARNING" in line and "http://127.0.0.1:1 does not take them" in line for line in told)
    assert "opentelemetry" not in log
