"""Our TraceContext in OpenTelemetry's shape, and back."""

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags, TraceState, set_span_in_context

from pixyz_scheduler.jobs.trace import TraceContext


def span_context(trace: TraceContext) -> SpanContext:
    """Of a span that is somebody else's."""
    return SpanContext(
        int(trace.trace_id, 16),
        int(trace.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(trace.flags),
        trace_state=TraceState.from_header([trace.state]) if trace.state else TraceState(),
    )


def under(trace: TraceContext) -> Context:
    """Where spans begin that belong under it."""
    return set_span_in_context(NonRecordingSpan(span_context(trace)), Context())


def context_of(span: Span) -> TraceContext:
    """What goes on under this span, wherever it does."""
    own = span.get_span_context()
    return TraceContext(
        f"{own.trace_id:032x}", f"{own.span_id:016x}", int(own.trace_flags), own.trace_state.to_header()
    )
