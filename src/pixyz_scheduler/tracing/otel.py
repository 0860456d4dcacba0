"""OtelTracer: spans by OpenTelemetry's SDK, sent by OTLP over HTTP."""

import logging
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.util.types import AnyValue
from typing_extensions import Self

from pixyz_scheduler import __version__
from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.jobs.job import Job
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.trace import TraceContext
from pixyz_scheduler.tracing.otel_attempt import OtelAttempt, about_job
from pixyz_scheduler.tracing.otel_context import context_of, under
from pixyz_scheduler.tracing.sending import Sending
from pixyz_scheduler.tracing.tracer import AttemptSpan, PassedOn

_log = logging.getLogger(__name__)

_SERVER_ERROR = 500


class OtelTracer:
    """See Tracer.

    Args:
        provider: makes the spans, and has them sent.
        ids: of the provider.
        patience: seconds that a process waits at its end for what is not sent yet.
    """

    def __init__(self, provider: TracerProvider, ids: "JobsOwn", *, patience: float = 5.0) -> None:
        self._patience = patience
        self._provider = provider
        self._ids = ids
        self._tracer = provider.get_tracer("pixyz_scheduler", __version__)

    @classmethod
    def made(cls, otel: Mapping[str, str], *, to: str, service: str, instance: str) -> "OtelTracer":
        """As these OTEL_* names say; raises SettingsError for a value that OpenTelemetry does not take."""
        # The SDK reads its names from the environment alone; what stands there already counts.
        for name, value in otel.items():
            os.environ.setdefault(name, value)
        ours: dict[str, AnyValue] = {
            "service.name": service,
            "service.version": __version__,
            "service.instance.id": instance,
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
        }
        ids = JobsOwn()
        try:
            resource = Resource.create(ours).merge(OTELResourceDetector().detect())
            # At the process's end we wait for it ourselves, and no longer than we want.
            provider = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
            provider.add_span_processor(BatchSpanProcessor(Sending(OTLPSpanExporter(), to=to)))
        except ValueError as error:
            raise SettingsError(f"OpenTelemetry does not take what is set of OTEL_*: {error}") from error
        return cls(provider, ids)

    @contextmanager
    def request(
        self, route: str, parent: TraceContext | None, about: Mapping[str, str | int]
    ) -> Iterator["OtelRequest"]:
        """See Tracer."""
        span = self._tracer.start_span(
            f"{about['http.request.method']} {route}",
            under(parent) if parent else Context(),
            kind=SpanKind.SERVER,
            attributes={**about, "http.route": route},
        )
        try:
            yield OtelRequest(span)
        except BaseException as error:
            span.record_exception(error)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.end()

    def attempt(self, report: JobReport, *, worker: str, began: float) -> AttemptSpan:
        """See AttemptTracer. A job that came without a trace has one whose id is its own, dashes aside."""
        try:
            with self._ids.of(report.job):
                return OtelAttempt(self._tracer, report, worker=worker, began=began)
        except Exception:  # noqa: BLE001  (whatever it is, no span is worth a job)
            _log.exception("the spans of an attempt are not begun")
            return PassedOn(report.job.trace)

    def __enter__(self) -> Self:
        """The SDK's thread runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Send the rest, but do not wait for who does not answer."""
        ending = threading.Thread(target=self._provider.shutdown, name="last traces", daemon=True)
        ending.start()
        ending.join(self._patience)
        if ending.is_alive():
            _log.warning("the last traces are not sent: their collector did not answer in %g s", self._patience)


class OtelRequest:
    """A request being answered. See RequestSpan."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.trace = context_of(span)

    def took(self, job: Job) -> None:
        """It has brought this job."""
        self._span.set_attributes(about_job(job))

    def answered(self, status: int) -> None:
        """With this status; that a client asks what it must not is no failure of ours."""
        self._span.set_attribute("http.response.status_code", status)
        if status >= _SERVER_ERROR:
            self._span.set_attribute("error.type", str(status))
            self._span.set_status(Status(StatusCode.ERROR))


class JobsOwn(RandomIdGenerator):
    """Ids at random, but for traces that begin with an attempt: all attempts of a job belong together."""

    def __init__(self) -> None:
        self._given = threading.local()

    @contextmanager
    def of(self, job: Job) -> Iterator[None]:
        """A trace that begins here, in this thread, has the job's id."""
        self._given.id = int(job.id.replace("-", ""), 16)
        try:
            yield
        finally:
            self._given.id = 0

    def generate_trace_id(self) -> int:
        """Not 0, which is no id."""
        return getattr(self._given, "id", 0) or super().generate_trace_id()
