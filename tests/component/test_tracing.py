"""Spans of what the whole stack seldom shows; and what happens where traces are not asked for, or cannot be made."""

import logging
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.trace import TraceContext
from pixyz_scheduler.tracing.otel import JobsOwn, OtelTracer
from pixyz_scheduler.tracing.sending import Sending
from pixyz_scheduler.tracing.tracer import NO_TRACER, AttemptTold
from pixyz_scheduler.worker.isolation import child

ROOT = Path(__file__).parents[2]
ID = JobId("0b6c2b0e-8f5a-4f0e-9c1d-2f7c8e6a1b3d")
REPORT = JobReport(Job(ID, "custom", JobOptions(), 0.0), JobState.STARTED, "cpu", epoch=1, waited=2.0)
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def tracer(spans):
    ids = JobsOwn()
    provider = TracerProvider(id_generator=ids, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    with OtelTracer(provider, ids) as tracer:
        yield tracer


def named(spans, name):
    (found,) = [span for span in spans.get_finished_spans() if span.name == name]
    return found


def end(tracer, report=REPORT, **told):
    tracer.attempt(report, worker="w", began=100.0).ended(lambda: AttemptTold(**{"outcome": "success", **told}))


def test_a_job_without_a_trace_has_one_of_its_own_id_for_all_its_attempts(tracer, spans):
    end(tracer)
    end(tracer, replace(REPORT, epoch=2))
    ids = {span.context.trace_id for span in spans.get_finished_spans()}
    assert [f"{trace:032x}" for trace in ids] == [ID.replace("-", "")]
    assert named(spans, "attempt 2").parent is None


def test_the_next_trace_that_begins_in_this_thread_is_another(tracer):
    end(tracer)
    with tracer.request("/jobs", None, {"http.request.method": "POST"}) as request:
        request.answered(200)
    assert request.trace.trace_id != ID.replace("-", "")


def test_the_wait_ends_where_the_attempt_begins(tracer, spans):
    end(tracer)
    wait = named(spans, "queue wait")
    assert (wait.start_time, wait.end_time) == (98 * 10**9, 100 * 10**9)


def test_of_fifty_thousand_steps_the_first_are_told_and_the_number_of_the_rest(tracer, spans):
    progress = Progress.from_wire({"steps": [[f"step {n}", 100.0 + n, 1.0] for n in range(500)]})
    end(tracer, progress=progress, first=100.0, last=600.0, gone=600.0, over=600.0)
    child = named(spans, "child")
    steps = [
        span for span in spans.get_finished_spans() if span.parent and span.parent.span_id == child.context.span_id
    ]
    assert len(steps) == 128
    assert child.attributes["pixyz.steps.left_out"] == 372


def test_what_was_prepared_belongs_to_the_preparation(tracer, spans):
    progress = Progress.from_wire({"steps": [["Packages", 101.0, 3.0], ["Importing", 105.0, -1]], "before": 1})
    end(tracer, progress=progress, first=104.0, last=107.0, gone=108.0, over=108.0)
    assert named(spans, "Packages").parent.span_id == named(spans, "prepare").context.span_id
    importing = named(spans, "Importing")
    assert importing.parent.span_id == named(spans, "child").context.span_id
    assert importing.end_time == 108 * 10**9


def test_what_the_cache_answers_has_no_child(tracer, spans):
    end(tracer, cached_from="other", over=100.5)
    assert sorted(span.name for span in spans.get_finished_spans()) == ["attempt 1", "commit", "queue wait"]
    assert named(spans, "attempt 1").attributes["pixyz.job.cached_from"] == "other"


@pytest.mark.parametrize(
    ("outcome", "is_error"),
    [("cancelled", False), ("drained", False), ("awaits", False), ("lease_lost", True), ("timeout", True)],
)
def test_what_somebody_wanted_is_no_error(tracer, spans, outcome, is_error):
    end(tracer, outcome=outcome, gone=101.0, over=101.0)
    assert (not named(spans, "attempt 1").status.is_unset) == is_error


def test_an_answer_of_500_is_an_error_and_what_is_raised_is_told(tracer, spans):
    about = {"http.request.method": "POST"}

    def answer():
        with tracer.request("/jobs", None, about) as request:
            request.answered(500)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        answer()
    span = named(spans, "POST /jobs")
    assert not span.status.is_ok
    assert span.attributes["error.type"] == "500"
    assert [event.name for event in span.events] == ["exception"]


class Broken(SpanProcessor):
    def __init__(self, when):
        self.when = when

    def on_start(self, span, parent_context=None):  # noqa: ARG002  (the SDK's)
        self._break("start", span)

    def on_end(self, span):
        self._break("end", span)

    def _break(self, when, span):
        if when == self.when and span.name != "queue wait":
            raise RuntimeError("a processor of spans is broken")


@pytest.mark.parametrize("when", ["start", "end"])
def test_no_span_is_worth_a_job(caplog, when):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Broken(when))
    trace = TraceContext("ab" * 16, "cd" * 8, 1)
    attempt = OtelTracer(provider, JobsOwn()).attempt(
        replace(REPORT, job=replace(REPORT.job, trace=trace)), worker="w", began=0.0
    )
    assert attempt.trace.trace_id == trace.trace_id
    attempt.ended(lambda: AttemptTold("success"))
    (told,) = caplog.records
    assert "a processor of spans is broken" in told.exc_text


class Collector(SpanExporter):
    """One that answers as it is told to, and says why as the real one does."""

    def __init__(self, answers):
        self.answers = iter(answers)

    def export(self, spans):  # noqa: ARG002  (the SDK's)
        if next(self.answers):
            return SpanExportResult.SUCCESS
        log = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        log.warning("Transient error %s, retrying", "Connection refused")
        log.error("Failed to export spans batch due to timeout, max retries or shutdown.")
        return SpanExportResult.FAILURE


def test_an_outage_of_the_collector_is_one_line_and_its_end_another(caplog):
    caplog.set_level(logging.INFO)
    sending = Sending(Collector([True, False, False, True, True, False]), to="http://c")
    for _ in range(6):
        sending.export([])
    lost, back, again = (record.getMessage() for record in caplog.records)
    assert lost == again
    assert "http://c does not take them. Transient error Connection refused" in lost
    assert back == "no longer: traces are not sent, jobs go on without"


def test_who_does_not_answer_holds_up_no_process_at_its_end(caplog):
    answer = threading.Event()

    class Silent(SpanExporter):
        def export(self, spans):  # noqa: ARG002  (the SDK's)
            answer.wait()
            return SpanExportResult.SUCCESS

        def shutdown(self):
            pass

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Silent()))
    with OtelTracer(provider, JobsOwn(), patience=0.1) as tracer:
        end(tracer)
    assert "the last traces are not sent" in caplog.text
    answer.set()
    for thread in threading.enumerate():
        if thread.name == "last traces":
            thread.join()


def test_without_a_tracer_the_trace_that_a_job_came_with_goes_on():
    trace = TraceContext("ab" * 16, "cd" * 8, 1)
    came = replace(REPORT, job=replace(REPORT.job, trace=trace))
    assert NO_TRACER.attempt(came, worker="w", began=0.0).trace is trace


def test_the_trace_in_which_a_worker_was_started_is_none_of_its_scripts(monkeypatch):
    monkeypatch.setenv("TRACEPARENT", "the worker's")
    monkeypatch.setenv("TRACESTATE", "the worker's")
    child._use_trace({})
    assert not {"TRACEPARENT", "TRACESTATE"} & os.environ.keys()
    child._use_trace(TraceContext("ab" * 16, "cd" * 8, 1).to_environment())
    assert os.environ["TRACEPARENT"] == f"00-{'ab' * 16}-{'cd' * 8}-01"
    assert "TRACESTATE" not in os.environ


def python(source, *, path=ROOT / "src", **environment):
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={"PYTHONPATH": str(path), "PATH": "", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("also", [{}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_where_nobody_asks_for_traces_nothing_that_makes_them_is_even_imported(also):
    told = python(
        "import sys, pixyz_scheduler.api.app, pixyz_scheduler.worker.main\n"
        "from pixyz_scheduler.tracing.choice import tracer_of\n"
        f"print(tracer_of({also and {ENDPOINT: 'http://h', **also}!r}, service='s', instance='i'))\n"
        # redis-py asks for the rest of it, where it is installed.
        "ours = ('opentelemetry.exporter', 'pixyz_scheduler.tracing.otel')\n"
        "print([name for name in sys.modules if name.startswith(ours)])\n"
    )
    assert told.splitlines() == ["None", "[]"]


def test_where_it_is_not_installed_a_warning_says_what_to_install(tmp_path):
    (tmp_path / "opentelemetry.py").write_text("")
    path = f"{tmp_path}:{ROOT / 'src'}"
    told = python(
        "import logging; logging.basicConfig()\n"
        "from pixyz_scheduler.tracing.choice import tracer_of\n"
        f"print(tracer_of({{'{ENDPOINT}': 'http://h'}}, service='s', instance='i'))\n",
        path=path,
    )
    assert told.startswith("None\nWARNING")
    assert "pip install 'pixyz-scheduler[otel]'" in told
    assert "Traceback" not in told


def test_a_protocol_that_is_not_spoken_is_a_warning():
    told = python(
        "import logging; logging.basicConfig()\n"
        "from pixyz_scheduler.tracing.choice import tracer_of\n"
        f"otel = {{'{ENDPOINT}': 'http://h', 'OTEL_EXPORTER_OTLP_PROTOCOL': 'grpc'}}\n"
        "print(tracer_of(otel, service='s', instance='i'))\n"
    )
    assert told.startswith("None\nWARNING")
    assert "http/protobuf" in told


def test_a_value_that_opentelemetry_does_not_take_stops_the_start():
    told = python(
        "from pixyz_scheduler.tracing.choice import tracer_of\n"
        "from pixyz_scheduler.errors import SettingsError\n"
        f"otel = {{'{ENDPOINT}': 'http://h', 'OTEL_BSP_MAX_QUEUE_SIZE': '-7'}}\n"
        "try: tracer_of(otel, service='s', instance='i')\n"
        "except SettingsError as error: print(error)\n"
    )
    assert "OTEL_" in told
    assert "max_queue_size" in told
