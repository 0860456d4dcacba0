"""The dashboard of deploy/monitoring/grafana/pixyz-farm.json."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DASHBOARD = Path(__file__).resolve().parents[1] / "deploy" / "monitoring" / "grafana" / "pixyz-farm.json"

_WIDTH = 24
_HEIGHT = 8
_SOURCE = {"type": "prometheus", "uid": "${source}"}
# What the viewer has chosen.
_FARM = 'namespace=~"$namespace"'
_QUEUE = f'{_FARM}, queue=~"$queue"'


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        title: above it.
        asks: what it shows, by legend: PromQL.
        unit: Grafana's name of it.
        kind: of picture.
        width: of 24.
        text: behind the i.
        stacked: one on the other.
    """

    title: str
    asks: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    text: str = ""
    stacked: bool = False


ROWS: dict[str, tuple[Panel, ...]] = {
    "Now": (
        Panel(
            "Jobs in line",
            {"waiting": f"sum(max by (queue) (pixyz_queue_jobs_waiting{{{_QUEUE}}}))"},
            kind="stat",
            width=4,
        ),
        Panel("Jobs at work", {"running": f"max(pixyz_leases{{{_FARM}}})"}, kind="stat", width=4),
        Panel(
            "Longest in line",
            {"oldest": f"max(pixyz_queue_oldest_seconds{{{_QUEUE}}})"},
            unit="s",
            kind="stat",
            width=4,
        ),
        Panel(
            "Slots busy",
            {
                "busy": f"sum(max by (queues) (pixyz_slots_busy{{{_FARM}}}))"
                f" / sum(max by (queues) (pixyz_slots{{{_FARM}}}))"
            },
            unit="percentunit",
            kind="stat",
            width=4,
        ),
        Panel("Store", {"up": f"min(pixyz_store_up{{{_FARM}}})"}, unit="bool_on_off", kind="stat", width=4),
        Panel("Share", {"up": f"min(pixyz_share_up{{{_FARM}}})"}, unit="bool_on_off", kind="stat", width=4),
    ),
    "Jobs": (
        Panel(
            "Ended, by outcome",
            {"{{outcome}}": f"sum by (outcome) (pixyz:jobs_ended:rate5m{{{_QUEUE}}}) * 60"},
            unit="opm",
            text="Jobs a minute. A job that was run again ends again.",
            stacked=True,
        ),
        Panel(
            "Ended, by process",
            {"{{process}}": f"sum by (process) (pixyz:jobs_ended:rate5m{{{_QUEUE}}}) * 60"},
            unit="opm",
            text="Jobs a minute; `custom` are the users' own scripts.",
            stacked=True,
        ),
        Panel(
            "Failed",
            {"{{queue}}": f"pixyz:job_failures:ratio15m{{{_QUEUE}}}"},
            unit="percentunit",
            text="Of those that were not cancelled, over 15 minutes.",
        ),
        Panel(
            "Tried again, by cause",
            {"{{queue}}: {{cause}}": f"pixyz:job_retries:rate5m{{{_QUEUE}}} * 60"},
            unit="opm",
            stacked=True,
        ),
        Panel(
            "From submission to end",
            {
                "{{queue}}: half within": f"pixyz:job_end_to_end_seconds:p50_5m{{{_QUEUE}}}",
                "{{queue}}: 95 % within": f"pixyz:job_end_to_end_seconds:p95_5m{{{_QUEUE}}}",
            },
            unit="s",
        ),
        Panel(
            "Waiting and running, 95 % within",
            {
                "{{queue}}: in line": f"pixyz:job_wait_seconds:p95_5m{{{_QUEUE}}}",
                "{{queue}}: at work": f"pixyz:job_run_seconds:p95_5m{{{_QUEUE}}}",
            },
            unit="s",
        ),
    ),
    "Queues and workers": (
        Panel("In line", {"{{queue}}": f"max by (queue) (pixyz_queue_jobs_waiting{{{_QUEUE}}})"}, stacked=True),
        Panel("Longest in line", {"{{queue}}": f"max by (queue) (pixyz_queue_oldest_seconds{{{_QUEUE}}})"}, unit="s"),
        Panel(
            "Not in line",
            {
                "between two attempts": f"max(pixyz_jobs_delayed{{{_FARM}}})",
                "for a licence": f"max(pixyz_jobs_waiting_for_licence{{{_FARM}}})",
                "for sub-tasks": f"max(pixyz_jobs_waiting_for_subtasks{{{_FARM}}})",
                "queues that nobody serves": f"max(pixyz_queues_unserved{{{_FARM}}})",
            },
        ),
        Panel("Workers", {"{{queues}}: {{doing}}": f"max by (queues, doing) (pixyz_workers{{{_FARM}}})"}, stacked=True),
        Panel(
            "Slots",
            {
                "{{queues}}: busy": f"max by (queues) (pixyz_slots_busy{{{_FARM}}})",
                "{{queues}}: all": f"max by (queues) (pixyz_slots{{{_FARM}}})",
            },
        ),
        Panel(
            "Licence seats",
            {
                "taken": f"max(pixyz_licence_seats_taken{{{_FARM}}})",
                "all": f"max(pixyz_licence_seats{{{_FARM}}})",
            },
        ),
    ),
    "Store, share, API": (
        Panel(
            "Memory of the store",
            {
                "used": f"max(pixyz_store_memory_bytes{{{_FARM}}})",
                "maxmemory": f"max(pixyz_store_memory_limit_bytes{{{_FARM}}})",
            },
            unit="bytes",
        ),
        Panel("Free on the share", {"free": f"min(pixyz_share_free_bytes{{{_FARM}}})"}, unit="bytes"),
        Panel(
            "Uploads",
            {"came": f"sum(rate(pixyz_upload_bytes_total{{{_FARM}}}[5m]))"},
            unit="Bps",
        ),
        Panel(
            "Requests, by status",
            {"{{status}}": f"sum by (status) (rate(pixyz_http_requests_total{{{_FARM}}}[5m]))"},
            unit="reqps",
            stacked=True,
        ),
        Panel(
            "Requests, 95 % within",
            {"those that wait for nothing": f"pixyz:http_request_seconds:p95_5m{{{_FARM}}}"},
            unit="s",
        ),
        Panel(
            "Where an attempt's time goes, half within",
            {
                "{{hop}}": "histogram_quantile(0.5, max by (hop, le)"
                f" (rate(pixyz_job_hop_seconds_bucket{{{_FARM}}}[5m])))"
            },
            unit="s",
        ),
    ),
}


def dashboard() -> dict[str, Any]:
    """For Grafana 9 and later."""
    return {
        "uid": "pixyz-farm",
        "title": "Pixyz Scheduler",
        "tags": ["pixyz-scheduler"],
        "schemaVersion": 38,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": list(_choices())},
        "panels": list(_panels()),
    }


def _choices() -> Iterator[dict[str, Any]]:
    yield {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    for name, label in (("namespace", "Namespace"), ("queue", "Queue")):
        yield {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": _SOURCE,
            "query": f"label_values(pixyz_queue_jobs_waiting, {name})",
            "refresh": 2,
            "includeAll": True,
            # Without Kubernetes there is no such label: what has none is shown all the same.
            "allValue": ".*",
            "multi": True,
            "current": {"text": "All", "value": "$__all"},
        }


def _panels() -> Iterator[dict[str, Any]]:
    number, y = 1, 0
    for title, panels in ROWS.items():
        yield {"id": number, "type": "row", "title": title, "gridPos": _place(0, y, _WIDTH, 1), "panels": []}
        number, x, y = number + 1, 0, y + 1
        for panel in panels:
            if x + panel.width > _WIDTH:
                x, y = 0, y + _HEIGHT
            height = _HEIGHT if panel.kind == "timeseries" else _HEIGHT // 2
            yield {"id": number, "gridPos": _place(x, y, panel.width, height), **_panel(panel)}
            number, x = number + 1, x + panel.width
        y += _HEIGHT


def _place(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}


def _panel(panel: Panel) -> dict[str, Any]:
    stacking = {"custom": {"stacking": {"mode": "normal"}, "fillOpacity": 20}} if panel.stacked else {}
    return {
        "type": panel.kind,
        "title": panel.title,
        **({"description": panel.text} if panel.text else {}),
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, **stacking}, "overrides": []},
        "options": {"tooltip": {"mode": "multi", "sort": "desc"}} if panel.kind == "timeseries" else {},
        "targets": [
            {"refId": letter, "datasource": _SOURCE, "expr": expr, "legendFormat": legend}
            for letter, (legend, expr) in zip("ABCDEFGH", panel.asks.items(), strict=False)
        ],
    }


def made() -> dict[Path, str]:
    """The file that is made."""
    return {DASHBOARD: json.dumps(dashboard(), indent=1) + "\n"}
