"""Job: what was asked, and who wins where it was said twice (user, then decorator, then default)."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NewType

from pixyz_scheduler.errors import InvalidConfig, InvalidJobId
from pixyz_scheduler.jobs.queues import queue_named
from pixyz_scheduler.jobs.trace import TraceContext

JobId = NewType("JobId", str)

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

DEFAULT_PRIORITY = 5
_PRIORITIES = range(10)
_THE_SENDERS = frozenset({"input_url", "deduplicate"})
# They are ours to set: a client that sends them is told so, and not obeyed.
NOT_THE_CLIENTS = frozenset({"script", "data", "shadow", "uuid", "task_id"})


def parse_job_id(text: str) -> JobId:
    """A job id from the outside.

    Raises:
        InvalidJobId: not 8-4-4-4-12 hexadecimal digits.
    """
    if not _UUID.fullmatch(text):
        raise InvalidJobId(f"{text!r} is not a job id: it has the form 8-4-4-4-12 of hexadecimal digits.")
    return JobId(text.lower())


@dataclass(frozen=True)
class JobOptions:
    """How a job is to be run.

    Attributes:
        entrypoint: the top-level function of the script to call.
        queue: the lane.
        time_limit: seconds for one attempt.
        no_progress_limit: seconds that an attempt may take without a sign of progress; None for any.
        input_url: from where the input is fetched when the job begins; None where it was sent, or there is none.
        input_job: the job of which an output is an input of this one; None for none.
        input_path: that output, as the job's list has it; None for the only one there is.
        root_file: the main file inside an input archive, relative to its root.
        compute_only: no folders are made for the job.
        raw: the bare return value is the result, for Celery's canvas.
        priority: 0 (most urgent) to 9, strict within a queue.
        cache: the outputs of an earlier job that did the same work will do.
        deduplicate: what was sent may lie on the share once for all jobs that say so.
    """

    entrypoint: str = "main"
    queue: str = "cpu"
    time_limit: float = 3600.0
    no_progress_limit: float | None = None
    input_url: str | None = field(default=None, repr=False)
    input_job: str | None = None
    input_path: str | None = None
    root_file: str | None = None
    compute_only: bool = False
    raw: bool = False
    priority: int = DEFAULT_PRIORITY
    cache: bool = False
    deduplicate: bool = False

    def to_wire(self) -> dict[str, Any]:
        """Plain values, for JSON; the defaults of this class are left out, and so must not change."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }

    @classmethod
    def from_wire(cls, values: Mapping[str, Any]) -> "JobOptions":
        """The other way; names that this version does not know are left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True)
class Job:
    """What was asked.

    Attributes:
        id: its uuid.
        process: name of a process of the catalog, or "custom" for the user's own script.
        options: how to run it.
        params: JSON text, handed to the entry point.
        name: the user's name for it.
        script: file name of the script within the job's inputs; None where the catalog has it.
        input_file: file name of the input within the job's inputs; of several the one to open.
        input_files: all of them, where there are several.
        input_hashes: sha256 (hexadecimal) of each file that was sent, script and all, by its name; empty where
            `inputs_of` has the files, or where an older version took them.
        submitted: when, in seconds since the epoch (UTC).
        parent: the job that started it; None where a user did.
        root: the job with which that began, which a user sent; None where a user sent this one.
        inputs_of: the job whose inputs it has, script and all; None for its own.
        outputs_of: the job whose outputs it writes to; None for its own.
        needs: JSON text of the expression (workflow.py) that is its params once other jobs have ended; None: `params`.
        after: those jobs.
        context: JSON text of the keys that were added to its context.
        trace: where its spans belong; None where nobody traces it yet.
    """

    id: JobId
    process: str
    options: JobOptions
    submitted: float
    params: str = "{}"
    name: str | None = None
    script: str | None = None
    input_file: str | None = None
    input_files: tuple[str, ...] = ()
    input_hashes: Mapping[str, str] = field(default_factory=dict, hash=False)
    parent: JobId | None = None
    root: JobId | None = None
    inputs_of: JobId | None = None
    outputs_of: JobId | None = None
    needs: str | None = None
    after: tuple[JobId, ...] = ()
    context: str = "{}"
    trace: TraceContext | None = None


def merge_options(
    user: Mapping[str, Any], decorator: Mapping[str, Any], defaults: JobOptions = JobOptions()
) -> tuple[JobOptions, list[str]]:
    """The options of a job, and warnings about what was ignored.

    Args:
        user: the `config` of the request; None values mean the default.
        decorator: keyword constants of `@pixyz_schedule(...)`; its `timeout` is our `time_limit`.
        defaults: what holds where neither speaks.

    Raises:
        InvalidConfig: names the field, the value and what is allowed.
    """
    warnings: list[str] = []
    # Where the input comes from, and how it is kept, is the sender's to say.
    written = {name: value for name, value in decorator.items() if value is not None and name not in _THE_SENDERS}
    if "timeout" in written:
        written.setdefault("time_limit", written.pop("timeout"))
    asked = {name: value for name, value in user.items() if value is not None}
    waits = bool(asked.get("wait", written.get("wait", False)))
    for name in sorted(asked.keys() - _PARSERS.keys() - {"wait"}):
        reason = "is not the client's to set" if name in NOT_THE_CLIENTS else "is not an option"
        warnings.append(f"config.{name} {reason}: ignored. Options are {', '.join(sorted(_PARSERS))}.")
    said = {**written, **asked}
    if waits and "queue" not in said:
        # It only waits for other jobs: it must not sit in a slot that they need.
        said["queue"] = "control"
    changes: dict[str, Any] = {name: parse(name, said[name]) for name, parse in _PARSERS.items() if name in said}
    options = replace(defaults, **changes)
    if options.cache and options.input_url is not None:
        warnings.append("config.cache is ignored: what config.input_url gives is known only once it is fetched.")
    return options, warnings


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidConfig(f"config.{name} is {value!r}: it must be text.")
    return value


def _job(name: str, value: Any) -> str:
    text = _text(name, value)
    if not _UUID.fullmatch(text):
        raise InvalidConfig(f"config.{name} is {value!r}: it must be the uuid of a job.")
    return text.lower()


def _identifier(name: str, value: Any) -> str:
    text = _text(name, value)
    if not text.isidentifier():
        raise InvalidConfig(f"config.{name} is {value!r}: it must be the name of a function of the script.")
    return text


def _queue(name: str, value: Any) -> str:
    return queue_named(_text(name, value)).name


def _seconds(name: str, value: Any) -> float:
    allowed = "it must be a number of seconds above 0"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidConfig(f"config.{name} is {value!r}: {allowed}.")
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        raise InvalidConfig(f"config.{name} is {value!r}: {allowed}.") from None
    if not (math.isfinite(seconds) and seconds > 0):
        raise InvalidConfig(f"config.{name} is {value!r}: {allowed}.")
    return seconds


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidConfig(f"config.{name} is {value!r}: it must be true or false.")
    return value


def _priority(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in _PRIORITIES:
        raise InvalidConfig(f"config.{name} is {value!r}: it must be a whole number, 0 (most urgent) to 9.")
    return value


_PARSERS = {
    "entrypoint": _identifier,
    "queue": _queue,
    "time_limit": _seconds,
    "no_progress_limit": _seconds,
    "input_url": _text,
    "input_job": _job,
    "input_path": _text,
    "root_file": _text,
    "compute_only": _flag,
    "raw": _flag,
    "priority": _priority,
    "cache": _flag,
    "deduplicate": _flag,
}
