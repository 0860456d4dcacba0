"""RecordStore: the job records. Each change is one Lua script, see lua/prelude.lua for the keys."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis

from pixyz_scheduler.broker.connection import store_errors
from pixyz_scheduler.broker.scripts import Scripts, in_ms
from pixyz_scheduler.errors import JobNotFound, StoreUnavailable
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import Job, JobId
from pixyz_scheduler.jobs.pace import PACE, Pace
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.report import JobReport, new_record
from pixyz_scheduler.jobs.retry import Decision, Finish, TryAgain, Wait
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.waiting import Waiting
from pixyz_scheduler.jobs.workflow import jobs_in, to_text

PRIORITIES = 10
PRIORITY_SEPARATOR = ":"
# What the scripts answer instead of a state.
CANCELLING, DOOMED = "cancelling", "doomed"
# No longer than the quickest client waits for an answer (the API: 1 s, twice).
_SUBMIT_WITHIN_MS = 1000
_TOO_LATE = -1


@dataclass(frozen=True)
class Claim:
    """The answer to a claim: `run`, `done`, `taken`, `no_licence` or `unknown`; the first two bring the report."""

    verdict: str
    report: JobReport | None = None


@dataclass(frozen=True)
class Bell:
    """A doorbell to ring."""

    job_id: JobId
    queue: str
    priority: int


@dataclass(frozen=True)
class Message:
    """A doorbell as it lies in the queue: the list, and the text that `broker.dispatch` has made for it."""

    key: str
    text: str


NO_MESSAGE = Message("", "")


@dataclass(frozen=True)
class Sweep:
    """What a sweep found: leases that ran out, doorbells to ring, and jobs that ended with others."""

    expired: tuple[JobId, ...]
    bells: tuple[Bell, ...]
    ripe: tuple[JobId, ...] = ()


class RecordStore:
    """The job records on one Redis.

    Args:
        client: decoded answers; its timeout bounds each call.
        pace: the times of the protocol.
        now_ms: the wall clock for tests, in ms; 0 is the server's own.
    """

    def __init__(self, client: "redis.Redis", *, pace: Pace = PACE, now_ms: int = 0) -> None:
        self._client = client
        self.pace = pace
        self.now_ms = now_ms
        self._server_ahead: int | None = None
        self._scripts = Scripts(client, pace)

    def submit(self, job: Job, bell: Message = NO_MESSAGE) -> bool:
        """Write the record of a new job, in line, and ring its doorbell with it. False where the id is taken.

        Raises:
            StoreUnavailable: there is no record, and there will be none: what was refused must not run later.
        """
        return bool(self.submit_by("submit", job, bell=bell))

    def submit_by(self, script: str, job: Job, *more: str | float, bell: Message = NO_MESSAGE) -> Any:
        """What a script that begins as `submit` answers; `more` follows the fields. Raises as `submit`."""
        fields = [text for pair in new_record(job).items() for text in pair]
        for ahead in (self._server_ahead, None):
            deadline = self._server_ms(ahead) + _SUBMIT_WITHIN_MS
            said = (job.id, job.options.queue, deadline, bell.key, bell.text)
            answer = self.run(script, *said, *fields, *more)
            if answer != _TOO_LATE:
                return answer
        raise StoreUnavailable("Redis does not answer in time: the job was not taken.")

    def claim(self, job_id: JobId, *, queue: str, lease: Lease, tokens: int = 0) -> Claim:
        """Take the lease of a job whose doorbell was heard on `queue`; safe to repeat.

        Args:
            job_id: whose.
            queue: where its doorbell was heard.
            lease: with a nonce of its own.
            tokens: the licence tokens of the whole farm, one of which the job needs; 0: it needs none.
        """
        verdict, *record = self.run("claim", job_id, queue, lease.worker, lease.fence, in_ms(lease.ttl), tokens)
        if not record:
            return Claim(verdict)
        return Claim(verdict, JobReport.from_record(job_id, dict(zip(record[::2], record[1::2], strict=True))))

    def renew(self, job_id: JobId, *, lease: Lease, progress: Progress | None = None, is_draining: bool = False) -> str:
        """Buy time; tell progress that is new, and that the worker leaves. `go_on`, `stop` (a cancel) or `lost`."""
        told = "" if progress is None else progress.text
        return str(self.run("renew", job_id, lease.fence, in_ms(lease.ttl), told, int(is_draining)))

    def commit(
        self,
        job_id: JobId,
        decision: Decision,
        *,
        lease: Lease,
        by: str = "owner",
        fields: Mapping[str, str] | None = None,
        wait_limit: float = 0.0,
    ) -> JobState | None:
        """End the attempt; safe to repeat.

        Args:
            job_id: whose.
            decision: what `decide` answered.
            lease: the one that the attempt holds.
            by: "owner", or "sweeper", for which the lease must have run out.
            fields: further fields of the record.
            wait_limit: seconds that it may wait for others, where that is decided.

        Returns:
            The state of the job now; None where the lease was lost and nothing was changed.
        """
        said = dict(fields or {})
        match decision:
            case Finish(state=state):
                end, queue, delay = state.value, "", 0.0
                said |= why_of(decision)
            case Wait(result=result):
                end, queue, delay = "AWAIT", "", wait_limit
                said |= {"awaits": to_text(result), "awaited": " ".join(jobs_in(result))}
            case TryAgain(queue=queue, delay=delay, tally=tally):
                end = JobState.RETRY.value
                said |= why_of(decision)
                said |= {kind: str(count) for kind, count in vars(tally).items()}
        flat = [text for pair in said.items() for text in pair]
        state_now = self.run("commit", job_id, lease.fence, by, end, queue, in_ms(delay), *flat)
        return None if state_now == "lost" else JobState(state_now)

    def cancel(self, job_id: JobId) -> str:
        """Mark a job as cancelled: its state now, or "cancelling" while its worker stops it.

        Raises:
            JobNotFound: no such job.
        """
        return _known(job_id, self.run("cancel", job_id))

    def delete(self, job_id: JobId) -> str:
        """Cancel a job and have it removed once it has ended: what `cancel` answers; raises JobNotFound."""
        return _known(job_id, self.run("delete", job_id))

    def doomed(self, *, limit: int = 100) -> list[JobId]:
        """Deleted jobs that have ended: to be removed with their files, then forgotten."""
        return [JobId(job_id) for job_id in self.run("doomed", limit)]

    def run_again(self, job_id: JobId, *, queue: str, ended: float | None = None) -> str:
        """Put a job that has ended in line once more, with a new history.

        Args:
            job_id: whose.
            queue: where.
            ended: when, as the caller knows; the job must not have ended anew since. None for whenever.

        Returns:
            "SENT"; else the state that does not allow it, or "doomed".

        Raises:
            JobNotFound: no such job.
        """
        return _known(job_id, self.run("again", job_id, queue, "" if ended is None else f"{ended:.3f}"))

    def waiting(self, job_id: JobId) -> Waiting | None:
        """What a job waits for; None where it does not wait. Raises JobNotFound."""
        state, *facts = self.run("waiting", job_id)
        if not JobState(_known(job_id, state)).is_waiting:
            return None
        due, parked, ahead, listeners, before = map(int, facts)
        return Waiting(
            due=None if due < 0 else due / 1000,
            parked=bool(parked),
            ahead=ahead,
            listeners=listeners,
            before=before,
        )

    def sweep(self, *, limit: int = 100, turn: float = 0.0) -> Sweep:
        """What nobody else will do; every worker and API process asks, any number at once.

        Args:
            limit: of what is told at once.
            turn: seconds after another's sweep in which nothing is looked for.
        """
        ring, turn_ms = in_ms(self.pace.ring), in_ms(turn)
        expired, bells, ripe = self.run("sweep", limit, ring, PRIORITY_SEPARATOR, PRIORITIES, turn_ms)
        return Sweep(tuple(map(JobId, expired)), bells_of(bells), tuple(map(JobId, ripe)))

    def forget(self, job_id: JobId) -> bool:
        """Remove the record of a job that has ended."""
        return bool(self.run("forget", job_id))

    def expire(self, job_id: JobId, *, moment: float) -> bool:
        """Whether a job had ended by this moment (epoch seconds); if so it cannot be run again: its files may go."""
        return bool(self.run("expire", job_id, moment))

    def has(self, job_id: JobId) -> bool:
        """Whether there is a record of this id."""
        with store_errors():
            return bool(self._client.exists(f"ps:job:{job_id}"))

    def ended_before(self, moment: float, *, limit: int = 100, skip: int = 0) -> list[tuple[JobId, float]]:
        """Jobs that ended before this moment (epoch seconds), the oldest first, each with its end."""
        with store_errors():
            found = self._client.zrangebyscore("ps:finished", "-inf", moment, start=skip, num=limit, withscores=True)
        return [(JobId(str(job_id)), float(ended)) for job_id, ended in cast("list[tuple[str, float]]", found)]

    def report(self, job_id: JobId) -> JobReport:
        """All that is known of a job.

        Raises:
            JobNotFound: no such job.
        """
        return JobReport.from_record(job_id, self.record(job_id))

    def record(self, job_id: JobId) -> dict[str, str]:
        """The fields of a job's record as the store has them; raises JobNotFound."""
        with store_errors():
            record = cast("dict[str, str]", self._client.hgetall(f"ps:job:{job_id}"))
        if not record:
            raise JobNotFound(job_id)
        return record

    def fence_of(self, job_id: JobId) -> Lease | None:
        """The lease under which a job is held now, for the sweeper; None where nobody holds it."""
        with store_errors():
            fence, worker = cast("list[str | None]", self._client.hmget(f"ps:job:{job_id}", "fence", "owner"))
        return Lease(Fence(fence), worker or "?") if fence else None

    def _server_ms(self, ahead: int | None) -> int:
        """The server's wall clock, which the scripts see: asked for once, then reckoned by our own steady one."""
        if self.now_ms:
            return self.now_ms
        ours = time.monotonic_ns() // 1_000_000
        if ahead is None:
            with store_errors():
                seconds, microseconds = self._client.time()
            ahead = self._server_ahead = seconds * 1000 + microseconds // 1000 - ours
        return ours + ahead

    def run(self, script: str, *arguments: str | float) -> Any:
        """Run a script on the records; see Scripts.run."""
        return self._scripts.run(script, self.now_ms, *arguments)


def why_of(decision: Finish | TryAgain) -> dict[str, str]:
    """The fields that say why."""
    return {"cause": decision.cause or "", "error": decision.error or ""}


def bells_of(rows: Iterable[Sequence[str]]) -> tuple[Bell, ...]:
    """As a script lists them."""
    return tuple(Bell(JobId(job_id), queue, int(priority)) for job_id, queue, priority in rows)


def _known(job_id: JobId, answer: str) -> str:
    if answer == "unknown":
        raise JobNotFound(job_id)
    return answer


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
