"""What routes take in path and query, and how it is read."""

import math
import re
from datetime import datetime, timezone
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, BeforeValidator

from pixyz_scheduler.errors import BadInput
from pixyz_scheduler.jobs.job import JobId, parse_job_id

_CURSOR = re.compile(r"\d+(\.\d+)?:[0-9a-f-]{36}")
_BLANK_OFFSET = re.compile(r" (?=\d\d:?\d\d$)")


def upper(value: Any) -> Any:
    """A word in any case; an empty one is none."""
    return value.strip().upper() or None if isinstance(value, str) else value


def parse_since(text: str) -> float | None:
    """A time as ISO 8601 (UTC where it names no offset) or in seconds since the epoch; an empty text is none.

    Raises:
        BadInput: neither.
    """
    text = text.strip()
    if not text:
        return None
    seconds = _seconds(text)
    if seconds is None or not math.isfinite(seconds):
        raise BadInput(f"since is {text!r}: it must be a time such as 2024-12-11T10:18:10Z, or seconds since 1970.")
    return seconds


def parse_cursor(text: str) -> str | None:
    """A listing's cursor; an empty text is none. Raises BadInput for one that no listing gave."""
    if text and not _CURSOR.fullmatch(text):
        raise BadInput(f"cursor is {text!r}: it must be the cursor of a page of this listing.")
    return text or None


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    # In a query an unquoted "+" arrives as a blank; and Python 3.10 does not know "Z".
    written = _BLANK_OFFSET.sub("+", text)
    written = f"{written[:-1]}+00:00" if written[-1] in "zZ" else written
    try:
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        return None


def _cursor(value: Any) -> Any:
    return parse_cursor(value) if isinstance(value, str) else value


def _since(value: Any) -> Any:
    return parse_since(value) if isinstance(value, str) else value


Id = Annotated[
    JobId,
    AfterValidator(parse_job_id),
    Path(description="The job's id.", examples=["0b6c2b0e-8f5a-4f0e-9c1d-2f7c8e6a1b3d"]),
]
Since = Annotated[
    float | None,
    BeforeValidator(_since),
    Query(description="Only jobs sent since then: ISO 8601, or seconds since 1970.", examples=["2024-12-11T10:18:10Z"]),
]
Cursor = Annotated[str | None, BeforeValidator(_cursor), Query(description="The `cursor` of the page before.")]
