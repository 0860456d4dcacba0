"""JobWatch: followers of jobs, however many: one line to the store for all of them, and no thread for any."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

from pixyz_scheduler.api.job_reader import JobReader
from pixyz_scheduler.broker.news import News
from pixyz_scheduler.errors import JobNotFound, SchedulerError
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.report import JobReport

_log = logging.getLogger(__name__)

# Who follows is told that we live, and the job is looked at: news that were lost on the way are late by this.
_LOOK_EACH = 5.0


class JobWatch:
    """Gives what jobs become, as it happens; of one event loop, where all of its methods are called.

    Args:
        reader: reads their records.
        news: makes what hears of changes there, given whom to tell.
    """

    def __init__(self, reader: JobReader, news: Callable[[Callable[[JobId], None]], News]) -> None:
        self._reader = reader
        self._make_news = news
        self._news: News | None = None
        self._followers: defaultdict[JobId, set[asyncio.Event]] = defaultdict(set)
        self._is_closed = False

    def close(self) -> None:
        """Let all followers go: the server stops, and would wait for them."""
        self._is_closed = True
        for followers in self._followers.values():
            for rung in followers:
                rung.set()

    async def stop(self) -> None:
        """Let the line to the store go."""
        self.close()
        if self._news is not None:
            await self._news.close()

    async def follow(self, job_id: JobId) -> AsyncGenerator[JobReport | None, None]:
        """The job as it stands, then at each change, to its end; None now and then, where there was no news.

        What changes while the last report is being told comes as one. Raises JobNotFound, also where it is removed.
        """
        async with self._follower(job_id) as rung:
            while not self._is_closed:
                rung.clear()
                report = await self._look(job_id)
                if isinstance(report, JobReport):
                    yield report
                    if report.state.is_terminal:
                        return
                elif isinstance(report, JobNotFound):
                    raise report
                else:
                    _log.debug("job %s cannot be looked at: %s", job_id, report)
                if not await _rings(rung, _LOOK_EACH):
                    yield None

    async def until_end(self, job_id: JobId, *, seconds: float) -> JobReport:
        """The job at its end, or as it stands when this time is over. Raises JobNotFound, StoreUnavailable."""
        give_up = time.monotonic() + seconds
        report = await self.look(job_id)
        if report.state.is_terminal:
            return report
        async with self._follower(job_id) as rung:
            while True:
                rung.clear()
                report = await self.look(job_id)
                left = give_up - time.monotonic()
                if report.state.is_terminal or left <= 0 or self._is_closed:
                    return report
                await _rings(rung, min(left, _LOOK_EACH))

    async def look(self, job_id: JobId) -> JobReport:
        """The job as it stands; raises JobNotFound, StoreUnavailable."""
        found = await self._look(job_id)
        if isinstance(found, SchedulerError):
            raise found
        return found

    def _rung(self, job_id: JobId) -> None:
        for rung in self._followers.get(job_id, ()):
            rung.set()

    @asynccontextmanager
    async def _follower(self, job_id: JobId) -> AsyncIterator[asyncio.Event]:
        rung = asyncio.Event()
        self._news = self._news or self._make_news(self._rung)
        self._followers[job_id].add(rung)
        try:
            await self._news.want(job_id)
            yield rung
        finally:
            self._followers[job_id].discard(rung)
            if not self._followers[job_id]:
                del self._followers[job_id]
                await self._news.forget(job_id)

    async def _look(self, job_id: JobId) -> JobReport | SchedulerError:
        """As it stands, or why that cannot be told."""
        try:
            return await self._reader.report(job_id)
        except SchedulerError as error:
            return error


async def _rings(rung: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(rung.wait(), seconds)
    except asyncio.TimeoutError:
        return False
    return True
