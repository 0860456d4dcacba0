"""LogWatch: followers of logs, however many: one look at all of them at a time, and no thread for any."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from pixyz_scheduler.errors import SchedulerError, StoreUnavailable
from pixyz_scheduler.job_logs import FoundLog, JobLogs
from pixyz_scheduler.jobs.job import JobId

_log = logging.getLogger(__name__)

_LOOK_EACH = 0.25
_ASK_EACH = 1.0
_BATCH = 256 << 10
# Threads that read logs: a share that hangs keeps no other request waiting.
_READERS = 4

_Key = tuple[JobId, int]


@dataclass(eq=False)
class _Follower:
    """Waits for more than `offset` bytes, or for the attempt's end; the answer is whether it has ended."""

    log: FoundLog
    offset: int
    told: "asyncio.Future[bool]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class LogWatch:
    """Gives what logs gain, as it comes; of one event loop, where all of its methods are called.

    Args:
        logs: says which attempts have ended.
    """

    def __init__(self, logs: JobLogs) -> None:
        self._logs = logs
        self._waiting: set[_Follower] = set()
        self._watching: asyncio.Task[None] | None = None
        self._is_closed = False
        self._readers: CapacityLimiter | None = None

    def close(self) -> None:
        """Let all followers go: the server stops, and would wait for them."""
        self._is_closed = True
        for follower in self._waiting:
            if not follower.told.done():
                follower.told.set_result(False)

    async def follow(self, log: FoundLog, offset: int) -> AsyncIterator[bytes]:
        """What the log has from this byte on, then what comes, until the attempt has ended, or the share is away."""
        is_over = log.is_over
        try:
            while not self._is_closed:
                async for batch in self.read(log, offset):
                    offset += len(batch)
                    yield batch
                if is_over:
                    return
                is_over = await self._news(log, offset)
        except (SchedulerError, OSError) as error:
            _log.warning("log of job %s no longer followed: %s", log.job_id, error)

    async def read(self, log: FoundLog, offset: int, *, until: int | None = None) -> AsyncIterator[bytes]:
        """What stands in the log now, from this byte on; raises Unavailable, OSError."""
        self._readers = self._readers or CapacityLimiter(_READERS)
        while until is None or offset < until:
            at_most = _BATCH if until is None else min(_BATCH, until - offset)
            start = offset
            batch = await run_sync(lambda: log.read(offset=start, at_most=at_most), limiter=self._readers)  # noqa: B023  (called at once)
            if not batch:
                return
            offset += len(batch)
            yield batch

    async def _news(self, log: FoundLog, offset: int) -> bool:
        follower = _Follower(log, offset)
        self._waiting.add(follower)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        try:
            return await follower.told
        finally:
            self._waiting.discard(follower)

    async def _watch(self) -> None:
        """As long as anybody waits."""
        ask_at = 0.0
        while self._waiting:
            await asyncio.sleep(_LOOK_EACH)
            now = time.monotonic()
            asks = now >= ask_at
            ask_at = now + _ASK_EACH if asks else ask_at
            followers = list(self._waiting)
            logs = {(follower.log.job_id, follower.log.attempt): follower.log for follower in followers}
            try:
                over, sizes = await run_sync(self._look, logs, asks, limiter=self._readers)
            except Exception as error:  # noqa: BLE001  (who follows must hear of it, whatever it is: nobody else would)
                _tell_all(followers, error)
                continue
            for follower in followers:
                key = (follower.log.job_id, follower.log.attempt)
                if not follower.told.done() and (key in over or sizes[key] > follower.offset):
                    follower.told.set_result(key in over)

    def _look(self, logs: dict[_Key, FoundLog], asks: bool) -> tuple[set[_Key], dict[_Key, int]]:  # noqa: FBT001  (run_sync hands on no keywords)
        over: set[_Key] = set()
        if asks:
            try:
                over = self._logs.over(logs.values())
            except StoreUnavailable as error:
                _log.debug("nobody says which attempts have ended: %s", error)
        return over, {key: _size(log) for key, log in logs.items()}


def _size(log: FoundLog) -> int:
    try:
        return log.size()
    except (SchedulerError, OSError):
        # The share is away: no news. What was printed meanwhile is there when it is back.
        return 0


def _tell_all(followers: Iterable[_Follower], error: Exception) -> None:
    for follower in followers:
        if not follower.told.done():
            follower.told.set_exception(error)
