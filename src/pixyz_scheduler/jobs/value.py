"""Value: what a job that ended well hands to the jobs that begin with its result, and to who asks Celery for it."""

import json
from datetime import datetime, timezone
from typing import Any

from pixyz_scheduler.jobs.report import JobReport


def value_of(report: JobReport) -> Any:
    """Exactly what the entry point returned where the job is `raw`; else the record of it, as users know it."""
    result = None if report.result is None else json.loads(report.result)
    return result if report.job.options.raw else record_of(report, result)


def record_of(report: JobReport, result: Any) -> dict[str, Any]:
    """What a job that is not `raw` ends with."""
    return {
        "result": result,
        "steps": [{"duration": step.duration, "info": step.info} for step in report.progress.steps],
        "time_info": {
            "request": moment(report.job.submitted),
            "started": moment(report.started),
            "stopped": moment(report.stopped),
        },
        "progress": report.percent,
        "retry": report.retries,
    }


def moment(seconds: float | None) -> str | None:
    """A time in seconds since the epoch, as ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
