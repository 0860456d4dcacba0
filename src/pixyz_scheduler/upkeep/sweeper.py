"""Sweeper: a thread in every worker and API process that does what nobody else will. Leaderless."""

import logging
import threading
import time
from collections.abc import Callable

from typing_extensions import Self

from pixyz_scheduler.broker.dispatch import Dispatch
from pixyz_scheduler.broker.records import Bell, RecordStore
from pixyz_scheduler.errors import JobNotFound, StoreUnavailable
from pixyz_scheduler.jobs.attempt import Attempt
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.outcome import Drained, Lost
from pixyz_scheduler.jobs.queues import queue_named
from pixyz_scheduler.jobs.report import JobReport, ended_attempt
from pixyz_scheduler.jobs.retry import Decision, TryAgain, Wait, decide
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.trace import TraceContext, ids_of
from pixyz_scheduler.logs import about_job
from pixyz_scheduler.tracing.tracer import NO_TRACER, AttemptTold, AttemptTracer
from pixyz_scheduler.upkeep.aftermath import Aftermath

_log = logging.getLogger(__name__)

# Of the time between two sweeps of one process: in it no other one's need look again.
_TURN = 0.8


class Sweeper:
    """Ends attempts whose lease ran out, and rings doorbells that were lost; a context manager.

    Args:
        records: on a connection whose timeout is `pace.answer`.
        aftermath: what ends bring about for others.
        dispatch: rings.
        ended: told of each job that is ended here.
        tracer: makes the spans of attempts that nobody else can tell of.
    """

    def __init__(
        self,
        records: RecordStore,
        dispatch: Dispatch,
        aftermath: Aftermath,
        *,
        ended: Callable[[JobId], None] = lambda _: None,
        tracer: AttemptTracer = NO_TRACER,
    ) -> None:
        self._tracer = tracer
        self._aftermath = aftermath
        self._records = records
        self._dispatch = dispatch
        self._ended = ended
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def sweep(self, *, turn: float = 0.0) -> None:
        """Look once; not where another process has within `turn` seconds."""
        found = self._records.sweep(turn=turn)
        # Bells first: the records say already that they were rung.
        for bell in found.bells:
            with about_job(bell.job_id):
                _log.info("doorbell rung again", extra={"queue": bell.queue})
                self._dispatch.ring(bell)
        for job_id in found.expired:
            with about_job(job_id):
                self._one(self._end, job_id)
        for job_id in found.ripe:
            with about_job(job_id):
                self._one(self._aftermath.settle, job_id)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(self._records.pace.sweep):
            self._try()

    def _try(self) -> None:
        try:
            self.sweep(turn=_TURN * self._records.pace.sweep)
        except StoreUnavailable as error:
            _log.debug("not swept: %s", error)
        except Exception:  # noqa: BLE001  (whatever it is: nobody looks after lost jobs when this thread has ended)
            _log.exception("not swept")

    def _one(self, end: Callable[[JobId], object], job_id: JobId) -> None:
        try:
            end(job_id)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001  (one record that nobody can read must not keep the others from their end)
            _log.exception("a lost attempt was not ended")

    def _end(self, job_id: JobId) -> None:
        lease = self._records.fence_of(job_id)
        if lease is None:
            return
        try:
            report = self._records.report(job_id)
        except JobNotFound:
            return
        # A machine that was called back and is gone costs nobody an attempt.
        outcome = Drained() if report.draining else Lost(lease.worker)
        decision = decide(outcome, tally=report.tally, queue=queue_named(report.queue))
        attempt = Attempt(
            number=report.epoch,
            worker=lease.worker,
            queue=report.queue,
            started=report.started or 0.0,
            stopped=time.time(),
            outcome=decision.cause,
        )
        fields = {"attempts": ended_attempt(report, attempt)}
        state = self._records.commit(job_id, decision, lease=lease, by="sweeper", fields=fields)
        if state is None:
            return
        with about_job(job_id, ids_of(self._trace(report, attempt, decision, state))):
            _log.warning("worker lost", extra={"worker": lease.worker, "state": state.value})
        if state.is_terminal:
            self._ended(job_id)
        if isinstance(decision, TryAgain) and state is JobState.RETRY:
            self._dispatch.ring(Bell(job_id, decision.queue, report.job.options.priority))

    def _trace(self, report: JobReport, attempt: Attempt, decision: Decision, state: JobState) -> TraceContext | None:
        """What its worker would have told of it, as far as the record knows."""
        error = None if isinstance(decision, Wait) else decision.error
        span = self._tracer.attempt(report, worker=attempt.worker, began=attempt.started)
        span.ended(lambda: AttemptTold(attempt.outcome or "", error=error, state=state.value))
        return span.trace
