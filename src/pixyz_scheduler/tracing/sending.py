"""Sending: spans on their way to the collector; that it does not answer is told once, and when it does again."""

import logging
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from pixyz_scheduler.errors import Unavailable
from pixyz_scheduler.logs import Trouble

_log = logging.getLogger(__name__)

_EXPORTERS_LOG = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_QUEUES_LOG = "opentelemetry.sdk._shared_internal"
_FULL = "Queue full"


class Sending(SpanExporter):
    """Sends by another exporter, whose own words, some for each batch that fails, become one line an outage.

    Args:
        exporter: sends.
        to: whom, for that line.
    """

    def __init__(self, exporter: SpanExporter, *, to: str) -> None:
        self._to = to
        self._exporter = exporter
        self._trouble = Trouble(_log, "traces are not sent, jobs go on without")
        self._said: list[str] = []
        logging.getLogger(_EXPORTERS_LOG).addFilter(self._keep)
        logging.getLogger(_QUEUES_LOG).addFilter(_is_news)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """One batch; in one thread at a time."""
        self._said.clear()
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._trouble.passed()
        else:
            # The first that was said has the reason; later ones that it has been tried often enough.
            why = next(iter(self._said), "No reason is given.")
            self._trouble.met(Unavailable(f"{self._to} does not take them. {why}"))
        return result

    def shutdown(self) -> None:
        """Send no more."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is kept here."""
        return self._exporter.force_flush(timeout_millis)

    def _keep(self, record: logging.LogRecord) -> bool:
        self._said.append(record.getMessage())
        return False


def _is_news(record: logging.LogRecord) -> bool:
    """That spans are dropped while nobody takes them is told already."""
    return not str(record.msg).startswith(_FULL)
