"""tracer_of: the tracer that the OTEL_* names ask for, if OpenTelemetry is installed."""

import logging
from collections.abc import Mapping

from pixyz_scheduler.tracing.tracer import Tracer

_log = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OURS = "http/protobuf"
_NONE = "none"


def tracer_of(otel: Mapping[str, str], *, service: str, instance: str) -> Tracer | None:
    """The tracer of this process; None where there is to be none, or cannot be, which is told once.

    Args:
        otel: what is set of OpenTelemetry's own names.
        service: the process's kind.
        instance: its name.

    Raises:
        SettingsError: one of the names has a value that OpenTelemetry does not take.
    """
    endpoint = _first(otel, _ENDPOINTS)
    if not endpoint or otel.get("OTEL_SDK_DISABLED", "").lower() == "true" or otel.get("OTEL_TRACES_EXPORTER") == _NONE:
        return None
    protocol = _first(otel, _PROTOCOLS) or _OURS
    if protocol != _OURS:
        _log.warning(
            "there will be no traces: OTEL_EXPORTER_OTLP_PROTOCOL is %s, and only %s is spoken", protocol, _OURS
        )
        return None
    try:
        from pixyz_scheduler.tracing.otel import OtelTracer
    except ImportError as error:
        _log.warning(
            "there will be no traces: OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed (%s). "
            "Install it: pip install 'pixyz-scheduler[otel]'",
            error,
        )
        return None
    tracer = OtelTracer.made(otel, to=endpoint, service=service, instance=instance)
    _log.info("traces are sent to %s", endpoint)
    return tracer


def _first(otel: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((otel[name] for name in names if otel.get(name)), "")
