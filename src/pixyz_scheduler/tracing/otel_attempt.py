"""OtelAttempt: the spans of one attempt: its wait, itself, and what it did, made of the times that the worker saw."""

import logging
from collections.abc import Callable, Sequence

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from pixyz_scheduler.jobs.job import Job
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.steps import UNFINISHED, Step
from pixyz_scheduler.jobs.trace import TraceContext
from pixyz_scheduler.tracing.otel_context import context_of, span_context, under
from pixyz_scheduler.tracing.tracer import AttemptTold

_log = logging.getLogger(__name__)

# A script may tell fifty thousand; nobody looks at so many, and they would push out other jobs' spans.
_MOST_STEPS = 128
_LONGEST_NAME = 80
_LONGEST_TRACEBACK = 16_384
_KIB = 1024

Attributes = dict[str, AttributeValue]


class OtelAttempt:
    """An attempt that has begun. See AttemptSpan.

    Args:
        tracer: makes spans.
        report: what the claim brought.
        worker: whose attempt it is.
        began: when, in epoch seconds.
    """

    def __init__(self, tracer: Tracer, report: JobReport, *, worker: str, began: float) -> None:
        self._tracer = tracer
        self._began = began
        job, asked = report.job, report.job.trace
        parent = under(asked) if asked else Context()
        about = {**about_job(job), **_about_attempt(report, worker)}
        waited = tracer.start_span(
            "queue wait", parent, attributes=about, start_time=_ns(began - (report.waited or 0.0))
        )
        waited.end(_ns(began))
        self._span = tracer.start_span(
            f"attempt {report.epoch}",
            parent,
            kind=SpanKind.CONSUMER,
            attributes={**about, **_about_message(report)},
            links=[Link(span_context(asked))] if asked else (),
            start_time=_ns(began),
        )
        self.trace: TraceContext | None = context_of(self._span)

    def ended(self, tell: Callable[[], AttemptTold]) -> None:
        """It is over now; the spans of what it did are made, and all are sent when their time comes."""
        try:
            if self._span.is_recording():
                self._end(tell())
            self._span.end()
        except Exception:  # noqa: BLE001  (whatever it is, no span is worth what is still to be done for the job)
            _log.exception("the spans of an attempt are not made")

    def _end(self, told: AttemptTold) -> None:
        self._tell_what_it_did(told)
        self._span.set_attributes(_about_end(told))
        _fail(self._span, told, told.gone or told.over)

    def _tell_what_it_did(self, told: AttemptTold) -> None:
        steps, before = told.progress.steps, told.progress.before
        if told.gone is not None:
            if told.first is not None:
                prepare = self._child("prepare", self._span, self._began)
                self._tell_steps(prepare, steps[:before], told.first)
                prepare.end(_ns(told.first))
                steps = steps[before:]
            child = self._child("child", self._span, told.first or self._began)
            if told.last is not None:
                child.add_event("last word", timestamp=_ns(told.last))
            self._tell_steps(child, steps, told.gone)
            child.set_attributes(_about_process(told))
            _fail(child, told, told.gone)
            child.end(_ns(told.gone))
        if told.over is not None:
            self._child("commit", self._span, told.over).end()

    def _tell_steps(self, parent: Span, steps: Sequence[Step], end: float) -> None:
        for number, step in enumerate(steps[:_MOST_STEPS], 1):
            name = step.info.strip()[:_LONGEST_NAME] or f"step {number}"
            span = self._child(name, parent, step.began)
            span.set_attributes({"pixyz.step.number": number, "pixyz.step.info": step.info})
            span.end(_ns(end if step.duration == UNFINISHED else step.began + step.duration))
        if len(steps) > _MOST_STEPS:
            parent.set_attribute("pixyz.steps.left_out", len(steps) - _MOST_STEPS)

    def _child(self, name: str, parent: Span, began: float) -> Span:
        return self._tracer.start_span(name, set_span_in_context(parent, Context()), start_time=_ns(began))


def about_job(job: Job) -> Attributes:
    """What every span of a job says of it."""
    return _known(
        ("pixyz.job.id", job.id),
        ("pixyz.job.process", job.process),
        ("pixyz.job.entrypoint", job.options.entrypoint),
        ("pixyz.job.name", job.name),
        ("pixyz.job.parent", job.parent),
        ("pixyz.job.root", job.root),
    )


def _about_attempt(report: JobReport, worker: str) -> Attributes:
    return {"pixyz.queue": report.queue, "pixyz.attempt.number": report.epoch, "pixyz.worker": worker}


def _about_message(report: JobReport) -> Attributes:
    return {
        "messaging.system": "pixyz_scheduler",
        "messaging.operation.type": "process",
        "messaging.operation.name": "attempt",
        "messaging.destination.name": report.queue,
        "messaging.message.id": report.job.id,
    }


def _about_end(told: AttemptTold) -> Attributes:
    return _known(
        ("pixyz.attempt.outcome", told.outcome),
        ("pixyz.job.state", told.state),
        ("pixyz.job.cached_from", told.cached_from),
        ("error.type", told.outcome if told.failed else None),
        *_about_process(told).items(),
    )


def _about_process(told: AttemptTold) -> Attributes:
    return _known(
        ("process.exit.code", told.exit_code),
        ("pixyz.process.exit.signal", told.signal),
        ("pixyz.process.memory.peak", None if told.peak_memory is None else told.peak_memory * _KIB),
    )


def _known(*pairs: tuple[str, AttributeValue | None]) -> Attributes:
    return {name: value for name, value in pairs if value is not None}


def _fail(span: Span, told: AttemptTold, moment: float | None) -> None:
    if not told.failed:
        return
    error = told.error or told.outcome
    span.set_status(Status(StatusCode.ERROR, error))
    kind, colon, message = error.partition(": ")
    is_raised = bool(told.traceback and colon)
    about = {
        "exception.type": kind if is_raised else told.outcome,
        "exception.message": message if is_raised else error,
        "exception.stacktrace": told.traceback[-_LONGEST_TRACEBACK:],
    }
    span.add_event("exception", about, timestamp=None if moment is None else _ns(moment))


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
