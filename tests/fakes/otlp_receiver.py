"""A collector of traces: takes OTLP over HTTP, reads the real protobuf, keeps the spans."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Status


@dataclass(frozen=True)
class Span:
    """One span, in Python's words."""

    name: str
    trace: str
    id: str
    parent: str
    kind: str
    start: float
    end: float
    attributes: dict
    events: dict
    is_error: bool
    message: str
    links: tuple
    resource: dict


@dataclass
class Receiver:
    port: int
    spans: list[Span] = field(default_factory=list)
    headers: list[dict] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def named(self, name: str) -> list[Span]:
        return [span for span in list(self.spans) if span.name == name]

    def one(self, name: str, *, job: str) -> Span:
        """The one of this name and job, waited for."""
        while True:
            found = [span for span in self.named(name) if span.attributes.get("pixyz.job.id") == job]
            if found:
                assert len(found) == 1, found
                return found[0]
            time.sleep(0.05)

    def below(self, span: Span) -> list[Span]:
        """What has it as its parent, as it began."""
        return sorted((other for other in self.spans if other.parent == span.id), key=lambda other: other.start)


@contextmanager
def a_receiver() -> Iterator[Receiver]:
    """On a free port of the loopback interface."""
    received = Receiver(0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert (self.path, self.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
            received.headers.append({name.lower(): value for name, value in self.headers.items()})
            received.spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing to the test's output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield received
        finally:
            server.shutdown()
            thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        about = _values(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    name=span.name,
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    kind=SpanMessage.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    start=span.start_time_unix_nano / 1e9,
                    end=span.end_time_unix_nano / 1e9,
                    attributes=_values(span.attributes),
                    events={event.name: _values(event.attributes) for event in span.events},
                    is_error=span.status.code == Status.STATUS_CODE_ERROR,
                    message=span.status.message,
                    links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                    resource=about,
                )


def _values(pairs: object) -> dict:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}
