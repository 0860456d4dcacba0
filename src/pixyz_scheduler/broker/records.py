"""RecordStore: the job records. Each change is one Lua script, see lua/prelude.lua for the keys."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, cast

import redis

from pixyz_scheduler.broker.connection import store_errors
from pixyz_scheduler.errors import BadInput, JobNotFound, RecordError, StoreUnavailable
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import Job, JobId
from pixyz_scheduler.jobs.pace import PACE, Pace
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.report import JobReport, new_record
from pixyz_scheduler.jobs.retry import Decision, Finish, TryAgain
from pixyz_scheduler.jobs.state import JobState

PRIORITIES = 10
PRIORITY_SEPARATOR = ":"
# No longer than the quickest client waits for an answer (the API: 1 s, twice).
_SUBMIT_WITHIN_MS = 1000
# What a page of jobs shows; the rest of a record stays where it is.
_LISTED = (
    *("v", "process", "options", "name", "state", "queue", "submitted", "started", "stopped"),
    *("progress", "error", "epoch", "crashes", "hindrances", "drains"),
)


@dataclass(frozen=True)
class Claim:
    """The answer to a claim: `run`, `done`, `taken` or `unknown`; the first two bring the report."""

    verdict: str
    report: JobReport | None = None


@dataclass(frozen=True)
class Bell:
    """A doorbell to ring."""

    job_id: JobId
    queue: str
    priority: int


@dataclass(frozen=True)
class Sweep:
    """What a sweep found: leases that ran out, and doorbells to ring."""

    expired: tuple[JobId, ...]
    bells: tuple[Bell, ...]


@dataclass(frozen=True)
class JobFilter:
    """What a listing asks for; None asks for all. `since` is in epoch seconds, of submission."""

    status: JobState | None = None
    name: str | None = None
    queue: str | None = None
    since: float | None = None


@dataclass(frozen=True)
class JobPage:
    """Jobs, newest first, and where the next page begins (None: there is none)."""

    reports: tuple[JobReport, ...]
    cursor: str | None


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
        self._scripts = {name: client.register_script(source) for name, source in _sources(pace).items()}

    def submit(self, job: Job) -> bool:
        """Write the record of a new job, in line. False where the id is taken.

        Raises:
            StoreUnavailable: there is no record, and there will be none: what was refused must not run later.
        """
        fields = [text for pair in new_record(job).items() for text in pair]
        for ahead in (self._server_ahead, None):
            deadline = self._server_ms(ahead) + _SUBMIT_WITHIN_MS
            answer = self._run("submit", job.id, job.options.queue, deadline, *fields)
            if answer >= 0:
                return bool(answer)
        raise StoreUnavailable("Redis does not answer in time: the job was not taken.")

    def claim(self, job_id: JobId, *, queue: str, lease: Lease) -> Claim:
        """Take the lease of a job whose doorbell was heard on `queue`; safe to repeat."""
        verdict, *record = self._run("claim", job_id, queue, lease.worker, lease.fence, _ms(lease.ttl))
        if not record:
            return Claim(verdict)
        return Claim(verdict, JobReport.from_record(job_id, dict(zip(record[::2], record[1::2], strict=True))))

    def renew(self, job_id: JobId, *, lease: Lease, progress: Progress | None = None) -> str:
        """Buy time, and tell the progress if it changed. `go_on`, `stop` (a cancel) or `lost`."""
        told = "" if progress is None else _json(progress.to_wire())
        return str(self._run("renew", job_id, lease.fence, _ms(lease.ttl), told))

    def commit(
        self,
        job_id: JobId,
        decision: Decision,
        *,
        lease: Lease,
        by: str = "owner",
        fields: Mapping[str, str] | None = None,
    ) -> JobState | None:
        """End the attempt; safe to repeat.

        Args:
            job_id: whose.
            decision: what `decide` answered.
            lease: the one that the attempt holds.
            by: "owner", or "sweeper", for which the lease must have run out.
            fields: further fields of the record.

        Returns:
            The state of the job now; None where the lease was lost and nothing was changed.
        """
        said = dict(fields or {})
        said["cause"], said["error"] = decision.cause or "", decision.error or ""
        match decision:
            case Finish(state=state):
                end, queue, delay = state.value, "", 0.0
            case TryAgain(queue=queue, delay=delay, tally=tally):
                end = JobState.RETRY.value
                said |= {kind: str(count) for kind, count in vars(tally).items()}
        flat = [text for pair in said.items() for text in pair]
        state_now = self._run("commit", job_id, lease.fence, by, end, queue, _ms(delay), *flat)
        return None if state_now == "lost" else JobState(state_now)

    def cancel(self, job_id: JobId) -> str:
        """Mark a job as cancelled: its state now, or "cancelling" while its worker stops it.

        Raises:
            JobNotFound: no such job.
        """
        answer = str(self._run("cancel", job_id))
        if answer == "unknown":
            raise JobNotFound(job_id)
        return answer

    def sweep(self, *, limit: int = 100) -> Sweep:
        """What nobody else will do; every worker and API process asks, any number at once."""
        expired, bells = self._run("sweep", limit, _ms(self.pace.ring), PRIORITY_SEPARATOR, PRIORITIES)
        return Sweep(
            tuple(JobId(job_id) for job_id in expired),
            tuple(Bell(JobId(job_id), queue, int(priority)) for job_id, queue, priority in bells),
        )

    def forget(self, job_id: JobId) -> bool:
        """Remove the record of a job that has ended."""
        return bool(self._run("forget", job_id))

    def ended_before(self, moment: float, *, limit: int = 100) -> list[tuple[JobId, float]]:
        """Jobs that ended before this moment (epoch seconds), the oldest first, each with its end."""
        with store_errors():
            found = self._client.zrangebyscore("ps:finished", "-inf", moment, start=0, num=limit, withscores=True)
        return [(JobId(str(job_id)), float(ended)) for job_id, ended in cast("list[tuple[str, float]]", found)]

    def report(self, job_id: JobId) -> JobReport:
        """All that is known of a job.

        Raises:
            JobNotFound: no such job.
        """
        with store_errors():
            record = cast("dict[str, str]", self._client.hgetall(f"ps:job:{job_id}"))
        if not record:
            raise JobNotFound(job_id)
        return JobReport.from_record(job_id, record)

    def fence_of(self, job_id: JobId) -> Lease | None:
        """The lease under which a job is held now, for the sweeper; None where nobody holds it."""
        with store_errors():
            fence, worker = cast("list[str | None]", self._client.hmget(f"ps:job:{job_id}", "fence", "owner"))
        return Lease(Fence(fence), worker or "?") if fence else None

    def list_jobs(self, wanted: JobFilter, *, limit: int = 100, cursor: str | None = None) -> JobPage:
        """A page of jobs, newest first, by an index: its cost does not grow with history.

        Raises:
            BadInput: a cursor that is not ours.
        """
        index, others = _index_for(wanted)
        score, _, before = (cursor or "+inf:").partition(":")
        if score != "+inf" and not (before and _is_number(score)):
            raise BadInput(f"cursor {cursor!r} is not one that a listing gave.")
        since = "-inf" if wanted.since is None else str(wanted.since)
        pairs = [text for pair in others.items() for text in pair]
        answer = self._run("list", index, limit, score, before, since, len(others), *pairs, *_LISTED)
        last_score, last_id, *rows = answer
        following = f"{last_score}:{last_id}" if last_id else None
        return JobPage(tuple(_listed(row) for row in rows if row[1]), following)

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

    def _run(self, script: str, *arguments: str | float) -> Any:
        with store_errors():
            try:
                return self._scripts[script](keys=[], args=[self.now_ms, *arguments])
            except redis.ResponseError as error:
                if "VERSION " in str(error):
                    raise RecordError(f"A record of another version is in the store: {error}.") from error
                raise


def _sources(pace: Pace) -> dict[str, str]:
    folder = resources.files("pixyz_scheduler.broker").joinpath("lua")
    step = f"local CLOCK_STEP = {_ms(pace.clock_step)}"
    prelude = step + "\n" + folder.joinpath("prelude.lua").read_text(encoding="utf-8")
    names = ("submit", "claim", "renew", "commit", "cancel", "sweep", "list", "forget")
    return {name: f"{prelude}\n{folder.joinpath(f'{name}.lua').read_text(encoding='utf-8')}" for name in names}


def _index_for(wanted: JobFilter) -> tuple[str, dict[str, str]]:
    """The narrowest index, and what is left to compare record by record."""
    asked: dict[str, str] = {}
    if wanted.name is not None:
        asked["name"] = wanted.name
    if wanted.status is not None:
        asked["state"] = (JobState.SENT if wanted.status is JobState.PENDING else wanted.status).value
    if wanted.queue is not None:
        asked["queue"] = wanted.queue
    for kind in ("name", "state", "queue"):
        if kind in asked:
            return f"ps:{kind}:{asked.pop(kind)}", asked
    return "ps:jobs", asked


def _listed(row: Iterable[str | None]) -> JobReport:
    job_id, *values = row
    record = {name: value for name, value in zip(_LISTED, values, strict=True) if value is not None}
    return JobReport.from_record(JobId(str(job_id)), record)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
