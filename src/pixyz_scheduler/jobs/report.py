"""JobReport: all that is known of a job now, read from its record."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pixyz_scheduler.errors import RecordError
from pixyz_scheduler.jobs.attempt import Attempt, Tally
from pixyz_scheduler.jobs.hops import hops_of
from pixyz_scheduler.jobs.job import DEFAULT_PRIORITY, Job, JobId, JobOptions
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.trace import TraceContext
from pixyz_scheduler.jobs.workflow import Expression

# major.minor. The major is raised when a field changes its meaning: programs and scripts refuse another one. The minor
# is raised when a field comes: what a program does not know it leaves alone, so that N-1 and N work side by side.
RECORD_VERSION = "1.4"
_MAJOR = "1"
_RELATIVES = ("parent", "root", "inputs_of", "outputs_of")
_VERSION = re.compile(r"(?P<major>\d+)(\.\d+)?")


@dataclass(frozen=True)
class JobReport:
    """All that is known of a job.

    Attributes:
        job: what was asked.
        state: where it stands.
        queue: where it waits or runs now; a retry may have moved it.
        epoch: how many attempts began.
        tally: what they cost.
        progress: of the last attempt.
        error: one line; None unless an attempt failed.
        traceback: of the user's script; None unless it raised.
        cause: one word for the error.
        result: JSON text of what the entry point returned; None until success, and where it lies in a file.
        result_file: name of that file, for `storage.results`; None where there is none.
        owner: the worker that holds it, or held it last.
        started: when the last attempt began, epoch seconds.
        waited: seconds that it was in line before; None where no attempt began.
        stopped: when the job ended, epoch seconds.
        cancelling: somebody asked a running job to stop.
        draining: its worker said that it leaves.
        attempts: the history, one mapping an ended attempt.
        hops: seconds of the last ended attempt, by hop (jobs/hops.py).
        awaits: what it ends with, once it runs no more and waits for other jobs; None where it does not.
        children: how many jobs it had started by then; 0 where it does not wait.
        children_ended: how many of those it has started have ended.
        run: how often somebody had it, or the job that started it, run again.
        cached_from: the job that did the work, where its outputs were taken instead of doing it again.
    """

    job: Job
    state: JobState
    queue: str
    epoch: int = 0
    tally: Tally = field(default_factory=Tally)
    progress: Progress = field(default_factory=Progress)
    error: str | None = None
    traceback: str | None = None
    cause: str | None = None
    result: str | None = None
    result_file: str | None = None
    owner: str | None = None
    started: float | None = None
    waited: float | None = None
    stopped: float | None = None
    cancelling: bool = False
    draining: bool = False
    attempts: tuple[Mapping[str, Any], ...] = ()
    hops: Mapping[str, float] = field(default_factory=dict)
    awaits: Expression | None = None
    children: int = 0
    children_ended: int = 0
    run: int = 0
    cached_from: JobId | None = None

    @property
    def status(self) -> JobState:
        """The state as users see it: a record that is written has its doorbell rung."""
        return self.state.as_told

    @property
    def percent(self) -> int | None:
        """0 to 100; None while nothing is known."""
        if self.state is JobState.SUCCESS:
            return 100
        if self.children:
            return min(100, 100 * self.children_ended // self.children)
        return self.progress.percent

    @property
    def retries(self) -> int:
        """How many attempts were followed by another that was charged."""
        return min(max(0, self.epoch - 1 - self.tally.drains), self.tally.crashes + self.tally.hindrances)

    @property
    def duration(self) -> float | None:
        """Seconds from the begin of its last attempt to its end; None where it has not ended, or never began."""
        if self.started is None or self.stopped is None:
            return None
        return max(0.0, self.stopped - self.started)

    @classmethod
    def from_record(cls, job_id: JobId, record: Mapping[str, str]) -> "JobReport":
        """From the fields of the record's hash.

        Raises:
            RecordError: another version wrote it.
        """
        if not is_readable(record.get("v")):
            raise RecordError(
                f"The record of job {job_id} has version {record.get('v')!r}; this program reads {_MAJOR}.x."
            )
        options = JobOptions.from_wire(json.loads(record["options"]))
        job = Job(
            id=job_id,
            process=record["process"],
            options=options,
            submitted=float(record["submitted"]),
            params=record.get("params") or "{}",
            name=record.get("name") or None,
            script=record.get("script") or None,
            input_file=record.get("input_file") or None,
            input_files=tuple(json.loads(record.get("input_files") or "[]")),
            input_hashes=_hashes(record.get("input_hashes")),
            **{name: _id(record.get(name)) for name in _RELATIVES},
            needs=record.get("needs") or None,
            after=tuple(JobId(other) for other in (record.get("after") or "").split()),
            context=record.get("context") or "{}",
            trace=_trace(record),
        )
        return cls(
            job=job,
            state=JobState(record["state"]),
            queue=record["queue"],
            epoch=int(record.get("epoch") or 0),
            tally=Tally(*(int(record.get(kind) or 0) for kind in ("crashes", "drains", "hindrances"))),
            progress=Progress.from_wire(json.loads(record.get("progress") or "{}")),
            error=record.get("error") or None,
            traceback=record.get("traceback") or None,
            cause=record.get("cause") or None,
            result=record.get("result") or None,
            result_file=_result_file(record),
            owner=record.get("owner") or None,
            started=_time(record.get("started")),
            waited=_waited(record.get("claimed")),
            stopped=_time(record.get("stopped")),
            cancelling=record.get("cancel") == "1",
            draining=record.get("draining") == "1",
            attempts=tuple(json.loads(record.get("attempts") or "[]")),
            hops=hops_of(record.get("hops")),
            awaits=json.loads(record["awaits"]) if record.get("awaits") else None,
            children=int(record.get("children") or 0),
            children_ended=int(record.get("done") or 0),
            run=int(record.get("run") or 0),
            cached_from=_id(record.get("cached_from")),
        )


def is_readable(version: str | None) -> bool:
    """Whether this program knows what the fields of a record of this version mean."""
    found = _VERSION.fullmatch(version or "")
    return found is not None and found["major"] == _MAJOR


def new_record(job: Job) -> dict[str, str]:
    """The fields that a job's record begins with, none of them empty; the store adds its own."""
    fields = {
        "v": RECORD_VERSION,
        "process": job.process,
        "options": json.dumps(job.options.to_wire(), separators=(",", ":")),
        "params": "" if job.params == "{}" else job.params,
        "name": job.name or "",
        "script": job.script or "",
        "input_file": job.input_file or "",
        **{name: getattr(job, name) or "" for name in _RELATIVES},
        **_of_a_workflow(job),
        **_of_a_trace(job.trace),
        "priority": "" if job.options.priority == DEFAULT_PRIORITY else str(job.options.priority),
    }
    return {name: text for name, text in fields.items() if text}


def _several(names: tuple[str, ...]) -> str:
    return json.dumps(names, separators=(",", ":")) if names else ""


def _of_a_workflow(job: Job) -> dict[str, str]:
    return {
        "input_files": _several(job.input_files),
        "input_hashes": json.dumps(job.input_hashes, separators=(",", ":")) if job.input_hashes else "",
        "needs": job.needs or "",
        "after": " ".join(job.after),
        "context": job.context if job.parent else "",
    }


def _of_a_trace(trace: TraceContext | None) -> dict[str, str]:
    return {} if trace is None else {"traceparent": trace.parent_text, "tracestate": trace.state}


def ended_attempt(report: JobReport, attempt: Attempt) -> str:
    """The history of a job with this attempt at its end, as the record keeps it (JSON)."""
    earlier = [dict(each) for each in report.attempts]
    if earlier and report.hops:
        # Known only since its commit; the record's own are of the last attempt.
        earlier[-1].setdefault("timings", dict(report.hops))
    return json.dumps([*earlier, attempt.to_wire()], separators=(",", ":"))


def _hashes(text: str | None) -> dict[str, str]:
    return {str(name): str(digest) for name, digest in json.loads(text or "{}").items()}


def _id(text: str | None) -> JobId | None:
    return JobId(text) if text else None


def _trace(record: Mapping[str, str]) -> TraceContext | None:
    parent = record.get("traceparent")
    return TraceContext.parse([parent], [record.get("tracestate") or ""]) if parent else None


def _waited(text: str | None) -> float | None:
    """Of what a claim notes: when it was, and how long the job stood in line, in microseconds."""
    _, _, waited = (text or "").partition(" ")
    return int(waited) / 1e6 if waited else None


def _result_file(record: Mapping[str, str]) -> str | None:
    """Of a success only: what an earlier run has left in the record tells nothing of this one."""
    has_one = record["state"] == JobState.SUCCESS.value and not record.get("result")
    return (record.get("result_file") or None) if has_one else None


def _time(text: str | None) -> float | None:
    return float(text) if text else None
