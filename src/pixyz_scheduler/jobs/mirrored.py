"""A record as the share keeps it, in JSON: as the job was sent, and as it ended.

{"format": 1, "id": the job's, "record": {field: text, as the store has it}}. The record says its own version (`v`).
"""

import json
import re
from collections.abc import Mapping

from pixyz_scheduler.errors import InvalidConfig, RecordError
from pixyz_scheduler.jobs.job import Job, JobId, merge_options
from pixyz_scheduler.jobs.report import JobReport, new_record
from pixyz_scheduler.jobs.state import JobState

FORMAT = 1
_TIME = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


def sent_text(job: Job) -> bytes:
    """What is known of a job as it is sent."""
    return _text(job.id, {**new_record(job), "submitted": f"{job.submitted:.3f}"})


def ended_text(job_id: JobId, record: Mapping[str, str]) -> bytes:
    """All of a job's record after its end."""
    return _text(job_id, record)


def read_sent(job_id: JobId, text: bytes) -> dict[str, str]:
    """The record of a job to be put in line; raises RecordError, saying what is wrong with the file."""
    record = _record(job_id, text)
    try:
        asked = json.loads(record["options"])
        options, _ = merge_options(asked, {})
        report = JobReport.from_record(job_id, {**record, "state": JobState.SENT.value, "queue": options.queue})
    except (KeyError, TypeError, ValueError, AttributeError, InvalidConfig) as error:
        raise _not_a_record(error) from error
    _check_times(record["submitted"])
    # As it was sent, and nothing that its script may have added since.
    return {**new_record(report.job), "v": record["v"], "submitted": record["submitted"], "queue": options.queue}


def read_ended(job_id: JobId, text: bytes) -> dict[str, str]:
    """The whole record of a job that has ended; raises RecordError, saying what is wrong with the file."""
    record = _record(job_id, text)
    try:
        report = JobReport.from_record(job_id, record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _not_a_record(error) from error
    if not report.state.is_terminal or report.stopped is None or not report.queue:
        raise RecordError(f"It does not tell the end of a job: its state is {report.state.value}.")
    _check_times(record["submitted"], record["stopped"])
    return record


def _text(job_id: JobId, record: Mapping[str, str]) -> bytes:
    return json.dumps({"format": FORMAT, "id": job_id, "record": dict(record)}, separators=(",", ":")).encode()


def _record(job_id: JobId, text: bytes) -> dict[str, str]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"It is not JSON: {error}.") from error
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise RecordError(f"It is not of format {FORMAT}.")
    if whole.get("id") != job_id:
        raise RecordError("It tells of another job.")
    record = whole.get("record")
    if not isinstance(record, dict) or not all(isinstance(value, str) for value in record.values()):
        raise RecordError("It holds no record.")
    return record


def _not_a_record(error: Exception) -> RecordError:
    return RecordError(f"Its record cannot be read: {type(error).__name__}: {error}.")


def _check_times(*times: str) -> None:
    # Python reads more as a number than the store does.
    if not all(_TIME.fullmatch(moment) for moment in times):
        raise RecordError("Its record names a time that is none.")
