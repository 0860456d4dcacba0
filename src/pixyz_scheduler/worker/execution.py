"""Execution: one doorbell, from claim to commit."""

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pixyz_scheduler.broker.dispatch import Dispatch
from pixyz_scheduler.broker.families import Families
from pixyz_scheduler.broker.records import Bell, Claim, RecordStore
from pixyz_scheduler.errors import (
    JobNotFound,
    NotFound,
    SchedulerError,
    StorageFull,
    StoreUnavailable,
    Unavailable,
    UnsafePath,
)
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.outcome import Awaits, Hindered, Lost, Outcome, Raised, Succeeded
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.queues import queue_named
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.retry import TryAgain, decide
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.trace import ids_of
from pixyz_scheduler.jobs.value import value_of
from pixyz_scheduler.jobs.workflow import resolved
from pixyz_scheduler.logs import about_job
from pixyz_scheduler.storage.results import Results
from pixyz_scheduler.tracing.tracer import NO_TRACER, AttemptSpan, AttemptTold, AttemptTracer
from pixyz_scheduler.upkeep.aftermath import Aftermath
from pixyz_scheduler.worker.activity import Activity, Answering
from pixyz_scheduler.worker.attempt_end import AttemptEnd, result_text
from pixyz_scheduler.worker.isolation.events import Exited
from pixyz_scheduler.worker.lease_keeper import Held, LeaseKeeper
from pixyz_scheduler.worker.readiness import ALWAYS_READY, Readiness
from pixyz_scheduler.worker.run import Run
from pixyz_scheduler.worker.supervisor import Ended

_log = logging.getLogger(__name__)

# A doorbell whose claim cannot be asked for in this time is dropped: the sweeper rings again.
_CLAIM_PATIENCE = 5.0
# A commit is worth waiting for: the outage of a store must not cost the work of an hour.
_COMMIT_PATIENCE = 600.0
_PAUSE = 0.2

T = TypeVar("T")


@dataclass(frozen=True)
class Execution:
    """Runs jobs whose doorbells were heard. One for a worker; any number of threads call `run`.

    Args:
        worker: this worker's name, in records and logs.
        records: the store.
        keeper: renews the leases.
        dispatch: rings for the next attempt.
        runs: makes the run of one attempt.
        stopping: set when the worker goes: waits are given up.
        leaving: set when the worker is to go: doorbells are given back.
        activity: what the worker does is counted there.
        tokens: licence tokens of the farm, one of which each job needs; 0 where none is needed.
        ended: told of each job that is ended here.
        readiness: whether the share and the disks allow a job at all.
        families: what the store says of jobs together.
        aftermath: what ends bring about for others.
        results: where large ones are kept; None leaves them in the records.
        tracer: makes the spans of attempts.
    """

    worker: str
    records: RecordStore
    keeper: LeaseKeeper
    dispatch: Dispatch
    start: Callable[[JobReport, Callable[[Progress], None], float], Run]
    families: Families
    aftermath: Aftermath
    stopping: threading.Event
    leaving: threading.Event = field(default_factory=threading.Event)
    activity: Activity = field(default_factory=Activity)
    tokens: int = 0
    ended: Callable[[JobId], None] = lambda _: None
    readiness: Readiness = ALWAYS_READY
    results: Results | None = None
    tracer: AttemptTracer = NO_TRACER

    def run(self, job_id: JobId, *, queue: str) -> JobReport | None:
        """Answer one doorbell.

        Returns:
            The report of the job where this call, or an earlier one, ended it, as far as it is known here; None where
            there is nothing to do (it is held elsewhere, moved on, unknown, or goes to another attempt).
        """
        with about_job(job_id), self.activity.answering() as doorbell:
            if not doorbell.is_wanted or self.leaving.is_set():
                self._pass_on(job_id)
                return None
            if not self.readiness.wait(self.leaving):
                # The sweeper rings again, here or where a worker is ready.
                return None
            return self._answer(job_id, queue, doorbell)

    def _answer(self, job_id: JobId, queue: str, doorbell: Answering) -> JobReport | None:
        lease = Lease(Fence(secrets.token_hex(8)), self.worker, self.records.pace.lease)
        asked = time.monotonic()

        def ask() -> Claim:
            # The lease counts from the claim that was granted, which came to the store after this moment.
            nonlocal asked
            asked = time.monotonic()
            return self.records.claim(job_id, queue=queue, lease=lease, tokens=self.tokens)

        claim = self._patiently(ask, _CLAIM_PATIENCE)
        match claim:
            case Claim("run", JobReport() as report):
                doorbell.take()
                span = self.tracer.attempt(report, worker=self.worker, began=time.time() - time.monotonic() + asked)
                with about_job(job_id, ids_of(span.trace)):
                    return self._attempt(_under(report, span), lease, asked, span)
            case Claim("done", JobReport() as report):
                return report
            case Claim(verdict):
                _log.info("doorbell dropped: %s", verdict)
            case None:
                _log.warning("doorbell dropped: no answer from the store")
        return None

    def _pass_on(self, job_id: JobId) -> None:
        """The doorbell was on its way when the worker began to leave: another shall hear it."""
        _log.info("doorbell passed on: this worker is leaving")
        with suppress(JobNotFound, StoreUnavailable):  # the sweeper rings for what waits
            report = self.records.report(job_id)
            if report.state.is_waiting:
                self._ring(Bell(job_id, report.queue, report.job.options.priority))

    def _attempt(self, report: JobReport, lease: Lease, since: float, span: AttemptSpan) -> JobReport | None:
        job_id = report.job.id
        _log.info("attempt %d started", report.epoch, extra={"queue": report.queue})
        ended = self._with_result_kept(report, self._unless_share_is_gone(self._run_it(report, lease, since)))
        if isinstance(ended.outcome, Lost):
            _log.warning("lease lost: nothing of this attempt counts")
            span.ended(lambda: AttemptTold("lease_lost"))
            return None
        decision = decide(ended.outcome, tally=report.tally, queue=queue_named(report.queue))
        end = AttemptEnd(report, ended, decision, worker=self.worker, claimed=since)
        state = self._commit(end, lease)
        span.ended(lambda: end.told(state))
        if state is None or state is JobState.RETRY:
            return None
        if state is JobState.RUNNING:
            # It ends with those that it has started; all of them may have ended already.
            self._see_to_others(job_id)
            return None
        self.ended(job_id)
        if report.job.parent is not None:
            self._see_to_others(job_id)
        # Not asked of the store, where it stands in full: the next doorbell waits for this slot.
        return end.reported(state)

    def _see_to_others(self, job_id: JobId) -> None:
        try:
            self.aftermath.follow()
        except StoreUnavailable as error:
            _log.warning("what follows the end of job %s is left to the sweeper: %s", job_id, error)

    def _unless_share_is_gone(self, ended: Ended) -> Ended:
        """Files that were not found, or were written, where the share should have been, tell nothing of the job."""
        match ended.outcome:
            case Raised() | Succeeded() | Awaits() if trouble := self.readiness.share_trouble():
                return replace(ended, outcome=Hindered(trouble))
            case _:
                return ended

    def _with_result_kept(self, report: JobReport, ended: Ended) -> Ended:
        if self.results is None or not isinstance(ended.outcome, Succeeded):
            return ended
        try:
            name = self.results.keep(report.job.id, result_text(ended.outcome.result), attempt=report.epoch)
        except UnsafePath as error:
            return replace(ended, outcome=Raised(f"The result cannot be kept: {error}"))
        except (SchedulerError, OSError) as error:
            return replace(ended, outcome=Hindered(f"The result cannot be kept: {error}"))
        return ended if name is None else replace(ended, outcome=Succeeded(None, file=name))

    def _run_it(self, report: JobReport, lease: Lease, since: float) -> Ended:
        job_id = report.job.id
        # The claim may have been under way for long.
        if trouble := self.readiness.share_trouble():
            return _not_run(Hindered(trouble))
        try:
            with ExitStack() as stack:
                run = self.start(self._with_results(report), lambda progress: self.keeper.tell(job_id, progress), since)
                stack.callback(self.keeper.let_go, job_id)
                self.keeper.keep(Held(job_id, lease, tick=run.tick, stop=run.stop))
                return run.watch()
        except (StorageFull, Unavailable) as error:
            return _not_run(Hindered(str(error)))
        except SchedulerError as error:
            return _not_run(Raised(str(error)))
        except Exception as error:  # noqa: BLE001  (the last resort: neither the job's fault nor for its lease to tell)
            _log.exception("attempt %d could not be run", report.epoch)
            return _not_run(Hindered(f"The worker could not run the job: {type(error).__name__}: {error}"))

    def _with_results(self, report: JobReport) -> JobReport:
        """With its params, where they are what others have ended with."""
        job = report.job
        if job.needs is None:
            return report
        found = self.families.reports(job.after)
        if gone := [before for before in job.after if before not in found]:
            raise NotFound(f"The result of job {gone[0]}, with which this one begins, is gone.")
        whole = self.results.filled if self.results is not None else lambda report: report
        params = resolved(json.loads(job.needs), lambda before: value_of(whole(found[before])))
        return replace(report, job=replace(job, params=json.dumps(params, ensure_ascii=False)))

    def _commit(self, end: AttemptEnd, lease: Lease) -> JobState | None:
        report, decision = end.report, end.decision
        job_id, fields = report.job.id, end.fields
        left = max(0.0, report.job.options.time_limit - (time.time() - (report.started or 0.0)))
        state = self._patiently(
            lambda: self.records.commit(job_id, decision, lease=lease, fields=fields, wait_limit=left), _COMMIT_PATIENCE
        )
        _log.info("attempt %d ended: %s", report.epoch, end.cause, extra={"state": state and state.value})
        if state is JobState.RETRY and isinstance(decision, TryAgain) and not decision.delay:
            self._ring(Bell(job_id, decision.queue, report.job.options.priority))
        return state

    def _ring(self, bell: Bell) -> None:
        try:
            self.dispatch.ring(bell)
        except StoreUnavailable as error:
            _log.warning("doorbell not rung, the sweeper will: %s", error)

    def _patiently(self, ask: Callable[[], T], patience: float) -> T | None:
        """The store's answer; None when there is none for so many seconds, or the worker must go."""
        give_up = time.monotonic() + patience
        while True:
            try:
                return ask()
            except StoreUnavailable as error:  # noqa: PERF203  (that is the loop's purpose)
                if time.monotonic() > give_up or self.stopping.wait(_PAUSE):
                    _log.error("no answer from the store: %s", error)
                    return None


def _under(report: JobReport, span: AttemptSpan) -> JobReport:
    """What its script does, and the jobs that this starts, belong under the attempt."""
    return report if span.trace is report.job.trace else replace(report, job=replace(report.job, trace=span.trace))


def _not_run(outcome: Outcome) -> Ended:
    return Ended(outcome, Progress(), Exited())
