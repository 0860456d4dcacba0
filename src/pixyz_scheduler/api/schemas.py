"""The bodies of answers, as users know them: none of these fields is renamed or changes its type."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from typing_extensions import Self

from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.value import moment

Status = Literal[
    "SENT",
    "PENDING",
    "RECEIVED",
    "STARTED",
    "RUNNING",
    "SUCCESS",
    "FAILURE",
    "RETRY",
    "REVOKED",
    "REJECTED",
    "UNKNOWN",
]

EXAMPLE_ID = "0b6c2b0e-8f5a-4f0e-9c1d-2f7c8e6a1b3d"
_STATE = {
    "uuid": EXAMPLE_ID,
    "name": "bracket",
    "status": "RUNNING",
    "progress": 50,
    "error": None,
    "process": "convert_file",
    "queue": "cpu",
}
_TIMES = {
    "request": "2024-12-11T10:18:10.330+00:00",
    "started": "2024-12-11T10:18:10.345+00:00",
    "stopped": "2024-12-11T10:18:10.463+00:00",
}


def example(*values: Mapping[str, Any]) -> ConfigDict:
    """What a model's documentation shows."""
    return ConfigDict(json_schema_extra={"examples": [dict(value) for value in values]})


def _holdable(text: Any) -> Any:
    """A script's text may have lone surrogates, which no answer can hold."""
    return text.encode("utf-8", "backslashreplace").decode() if isinstance(text, str) else text


Text = Annotated[str, BeforeValidator(_holdable)]
Moment = Annotated[str | None, Field(json_schema_extra={"format": "date-time"})]


class JobState(BaseModel):
    """Where a job stands."""

    model_config = example(_STATE)

    uuid: str = Field(description="The job's id.")
    name: Text | None = Field(description="The user's name for it.")
    status: Status = Field(description="`SENT` in the answer of `POST /jobs`; later `PENDING` while it waits.")
    progress: int | None = Field(ge=0, le=100, description="Percent; null while nothing is known.")
    error: Text | None = Field(description="One line: what failed.")
    process: str = Field(description="The named process, or `custom` for a script of the user's own.")
    queue: str = Field(description="Where it waits or runs now; a retry may have moved it.")

    @classmethod
    def of(cls, report: JobReport) -> Self:
        """From a report."""
        return cls(**_state(report))


class JobAccepted(JobState):
    """A job that will be run."""

    model_config = example({**_STATE, "status": "SENT", "progress": None, "warnings": []})

    warnings: list[Text] = Field(description="What was ignored of what was sent.")

    @classmethod
    def with_warnings(cls, report: JobReport, warnings: tuple[str, ...]) -> Self:
        """From the report of a job just sent."""
        return cls(**{**_state(report), "status": report.state.value}, warnings=list(warnings))


class TimeInfo(BaseModel):
    """When a job was asked for, begun and ended: ISO 8601 with offset; null where it was not yet."""

    model_config = example(_TIMES)

    request: Moment = Field(description="When the API took it.")
    started: Moment = Field(description="When its last attempt began.")
    stopped: Moment = Field(description="When it ended.")


class Step(BaseModel):
    """One step of a job."""

    model_config = example({"duration": 0.112, "info": "Importing"})

    duration: float = Field(description="Seconds; -1 while it runs.")
    info: Text = Field(description="What it does.")


class AttemptInfo(BaseModel):
    """One ended run of a job on one worker."""

    model_config = ConfigDict(extra="allow")

    number: int = Field(description="From 1.")
    worker: str = Field(description="Who ran it.")
    queue: str = Field(description="Where it was taken from.")
    started: Moment = Field(description="When it began.")
    stopped: Moment = Field(description="When it ended.")
    outcome: str | None = Field(description="How it ended, in one word.")
    exit_code: int | None = Field(default=None, description="Of its child, where that left by itself.")
    signal: int | None = Field(default=None, description="That ended its child.")
    peak_memory: int | None = Field(default=None, description="KiB, at most.")
    timings: dict[str, float] | None = Field(default=None, description="As of the job; of attempts before the last.")


class JobDetails(JobState):
    """All that is known of a job."""

    model_config = example(
        {
            **_STATE,
            "status": "SUCCESS",
            "progress": 100,
            "time_info": _TIMES,
            "steps": [{"duration": 0.112, "info": "Importing"}],
            "retry": 0,
            "result": {"output": "bracket.glb"},
            "progress_output": None,
            "cause": None,
            "cancelling": False,
            "waiting_for": None,
            "worker": "node-7-2131-9f0c1a",
            "time_limit": 3600.0,
            "no_progress_limit": None,
            "priority": 5,
            "deduplicate": False,
            "timings": {"waited": 0.0011, "began": 0.0023, "ran": 0.1204, "left": 0.0041, "committed": 0.0004},
            "attempts": [],
            "parent": None,
            "root": None,
            "children": [],
            "reason": None,
            "cached_from": None,
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "input_hashes": {"bracket.step": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
        }
    )

    error: Text | None = Field(description="The traceback of the user's script; where there is none, the one line.")
    reason: Text | None = Field(
        default=None, description="One line: what failed, and what to do; as JobState's `error`."
    )
    time_info: TimeInfo
    steps: list[Step] = Field(description="In order; of the last attempt.")
    retry: int = Field(ge=0, description="How many times it was tried again.")
    result: Any = Field(description="What the entry point returned, as JSON; null until success.")
    progress_output: Any = Field(description="The last value given to `progress_output`.")
    cause: str | None = Field(description="The error in one word.")
    cancelling: bool = Field(description="Somebody asked a running job to stop.")
    waiting_for: str | None = Field(default=None, description="Why a waiting job has not begun, in words.")
    worker: str | None = Field(description="Who runs it, or ran it last.")
    time_limit: float = Field(description="Seconds for one attempt.")
    no_progress_limit: float | None = Field(description="Seconds without progress; null for any.")
    priority: int = Field(description="0 (most urgent) to 9.")
    deduplicate: bool = Field(description="What was sent may lie on the share once for all jobs that say so.")
    timings: dict[str, float] = Field(
        default_factory=dict,
        description="Seconds of the last attempt that has ended, by hop: `waited` in line, `began` (to the script's "
        "first line), `ran` (to its last word), `left` (its processes were gone), `committed`.",
    )
    attempts: list[AttemptInfo] = Field(description="Its ended attempts.")
    parent: str | None = Field(default=None, description="The job that started it; null where a user sent it.")
    root: str | None = Field(default=None, description="The job that a user sent, with which that began.")
    children: list[str] = Field(default_factory=list, description="The jobs that it has started.")
    cached_from: str | None = Field(
        default=None, description="The job that did the work, where its outputs were taken; it may be gone."
    )
    trace_id: str | None = Field(
        default=None, description="The trace that its request belongs to; null where that was in none."
    )
    input_hashes: dict[Text, str] = Field(
        default_factory=dict, description="The sha256 of each file that was sent, by the name that it has here."
    )

    @classmethod
    def of(cls, report: JobReport, *, waiting_for: str | None = None, children: Sequence[str] = ()) -> Self:
        """From a report."""
        state = _state(report)
        return cls(
            **{**state, "error": report.traceback or report.error},
            reason=report.error,
            time_info=TimeInfo(
                request=moment(report.job.submitted), started=moment(report.started), stopped=moment(report.stopped)
            ),
            steps=[Step(duration=round(step.duration, 3), info=step.info) for step in report.progress.steps],
            retry=report.retries,
            result=result_of(report),
            progress_output=report.progress.output,
            cause=report.cause,
            cancelling=report.cancelling,
            waiting_for=waiting_for,
            worker=report.owner,
            time_limit=report.job.options.time_limit,
            no_progress_limit=report.job.options.no_progress_limit,
            priority=report.job.options.priority,
            deduplicate=report.job.options.deduplicate,
            timings=dict(report.hops),
            attempts=[_attempt(values) for values in report.attempts],
            parent=report.job.parent,
            root=report.job.root,
            children=list(children),
            cached_from=report.cached_from,
            trace_id=None if report.job.trace is None else report.job.trace.trace_id,
            input_hashes=dict(report.job.input_hashes),
        )


class JobList(BaseModel):
    """A page of jobs."""

    jobs: list[JobState] = Field(description="Newest first.")
    cursor: str | None = Field(description="Ask with it for the next page; null where there is none.")


class Outputs(BaseModel):
    """What a job has written."""

    model_config = example({"outputs": ["bracket.glb", "views/front.png"]})

    outputs: list[str] = Field(description="Relative paths, with forward slashes.")


class LogEntry(BaseModel):
    """The log of one attempt."""

    model_config = example({"attempt": 1, "size": 5120, "is_over": True})

    attempt: int = Field(description="From 1.")
    size: int = Field(description="Bytes so far.")
    is_over: bool = Field(description="The attempt has ended: nothing more comes.")


class LogList(BaseModel):
    """The attempts of a job that have printed something."""

    model_config = example({"attempts": [{"attempt": 1, "size": 5120, "is_over": True}]})

    attempts: list[LogEntry] = Field(description="In order.")


def result_of(report: JobReport) -> Any:
    """What the entry point returned."""
    return None if report.result is None else json.loads(report.result)


def _state(report: JobReport) -> dict[str, Any]:
    return {
        "uuid": report.job.id,
        "name": report.job.name,
        "status": report.status.value,
        "progress": report.percent,
        "error": report.error,
        "process": report.job.process,
        "queue": report.queue,
    }


def _attempt(values: Mapping[str, Any]) -> AttemptInfo:
    return AttemptInfo(**{**values, "started": moment(values["started"]), "stopped": moment(values["stopped"])})
