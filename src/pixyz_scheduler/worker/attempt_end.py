"""AttemptEnd: how an attempt ended and what follows, in the words of the record and of the report."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from pixyz_scheduler.jobs.attempt import Attempt
from pixyz_scheduler.jobs.hops import Moments
from pixyz_scheduler.jobs.outcome import Raised, Succeeded
from pixyz_scheduler.jobs.report import JobReport, ended_attempt
from pixyz_scheduler.jobs.retry import Finish, TryAgain, Wait
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.tracing.tracer import AttemptTold
from pixyz_scheduler.worker.supervisor import Ended


@dataclass(frozen=True)
class AttemptEnd:
    """One attempt that is over, before the store knows of it.

    Attributes:
        report: of the job, as it was claimed.
        ended: how the attempt ended.
        decision: what follows.
        worker: whose attempt it was.
        claimed: monotonic moment of the claim.
        over: when it was over, in epoch seconds.
    """

    report: JobReport
    ended: Ended
    decision: Finish | TryAgain | Wait
    worker: str
    claimed: float
    over: float = field(default_factory=time.time)

    @property
    def cause(self) -> str:
        """In a word."""
        return self.decision.cause or "success"

    @cached_property
    def fields(self) -> Mapping[str, str]:
        """What the record is told."""
        ended = self.ended
        attempt = Attempt(
            number=self.report.epoch,
            worker=self.worker,
            queue=self.report.queue,
            started=self.report.started or 0.0,
            stopped=time.time(),
            outcome=self.cause,
            exit_code=ended.child.exit_code,
            signal=ended.child.signal,
            peak_memory=ended.child.peak_memory,
        )
        return {
            "attempts": ended_attempt(self.report, attempt),
            "progress": ended.progress.text,
            **self._said(),
            **ended.fields,
            "hops": (ended.moments or Moments(time.monotonic())).to_text(self.claimed),
        }

    def reported(self, state: JobState) -> JobReport:
        """The report of a job that it has ended, as the record has it but for the store's own moments."""
        fields, decision = self.fields, self.decision
        return replace(
            self.report,
            state=state,
            progress=self.ended.progress,
            cause=decision.cause,
            error=None if isinstance(decision, Wait) else decision.error,
            traceback=fields.get("traceback") or None,
            result=fields.get("result") or None,
            result_file=fields.get("result_file") or None,
            attempts=tuple(json.loads(fields["attempts"])),
        )

    def told(self, state: JobState | None) -> AttemptTold:
        """For its spans; the state is None where the store did not take it."""
        ended, decision, moments = self.ended, self.decision, self.ended.moments
        ahead = time.time() - time.monotonic()
        seen = (*moments.script(self.claimed), moments.gone) if moments else (None, None, None)
        first, last, gone = (moment and moment + ahead for moment in seen)
        return AttemptTold(
            outcome=self.cause,
            error=None if isinstance(decision, Wait) else decision.error,
            traceback=self.fields.get("traceback") or "",
            state=state and state.value,
            progress=ended.progress,
            first=first,
            last=last,
            gone=gone,
            over=self.over,
            exit_code=ended.child.exit_code,
            signal=ended.child.signal,
            peak_memory=ended.child.peak_memory,
            cached_from=self.fields.get("cached_from") or None,
        )

    def _said(self) -> dict[str, str]:
        match self.ended.outcome:
            case Succeeded(file=str(file)):
                return {"result": "", "result_file": file, "traceback": ""}
            case Succeeded(result=result):
                return {"result": result_text(result), "result_file": "", "traceback": ""}
            case Raised(traceback=traceback):
                return {"traceback": traceback}
            case _:
                return {"traceback": ""}


def result_text(result: object) -> str:
    """A result as the record and its file have it: JSON without spaces."""
    return json.dumps(result, ensure_ascii=False, separators=(",", ":"))
