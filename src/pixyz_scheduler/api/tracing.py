"""Traced: the layer that gives each `POST /jobs` a span of its own; and in which trace a request belongs."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pixyz_scheduler.jobs.job import Job
from pixyz_scheduler.jobs.trace import TraceContext
from pixyz_scheduler.tracing.tracer import RequestSpan, Tracer

_SPAN = "pixyz_scheduler.span"
_ROUTE = "/jobs"
_SERVER_ERROR = 500


class Traced:
    """Makes the span, under the request's own if it names one. What only looks at jobs begins nothing, and has none."""

    def __init__(self, app: ASGIApp, *, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the span in the scope where it is to have one."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != _ROUTE:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        with self._tracer.request(_ROUTE, _asked(headers), _about(scope, headers)) as span:
            scope[_SPAN] = span

            async def watched(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.answered(message["status"])
                await send(message)

            try:
                await self._app(scope, receive, watched)
            except Exception:
                span.answered(_SERVER_ERROR)
                raise


def trace_of(request: Request) -> TraceContext | None:
    """In which trace the request belongs: under our span of it, else under its sender's; None without."""
    span: RequestSpan | None = request.scope.get(_SPAN)
    return _asked(request.headers) if span is None else span.trace


def tell_job(request: Request, job: Job) -> None:
    """The request has brought this job."""
    span: RequestSpan | None = request.scope.get(_SPAN)
    if span is not None:
        span.took(job)


def _asked(headers: Headers) -> TraceContext | None:
    parents = headers.getlist("traceparent")
    return TraceContext.parse(parents, headers.getlist("tracestate")) if parents else None


def _about(scope: Scope, headers: Headers) -> dict[str, str | int]:
    """In the words of OpenTelemetry's conventions; nothing that may be a secret."""
    host, port = scope.get("server") or (None, None)
    client, _ = scope.get("client") or (None, None)
    known = {
        "http.request.method": scope["method"],
        "url.path": scope["path"],
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope["http_version"],
        "server.address": host,
        "server.port": port,
        "client.address": client,
        "user_agent.original": headers.get("user-agent"),
    }
    return {name: value for name, value in known.items() if value is not None}
