"""JobReader: what requests ask for at the same time is read in one visit to a thread, and one to the store."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from anyio.to_thread import run_sync

from pixyz_scheduler.errors import JobNotFound
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.report import JobReport

Records = Mapping[JobId, Mapping[str, str]]


class JobReader:
    """For one event loop. Who asks during a reading is in the next one: no answer is older than its question.

    Args:
        read: the fields of these jobs' records, of those there are; blocks.
    """

    def __init__(self, read: Callable[[Sequence[JobId]], Records]) -> None:
        self._read = read
        self._asked: dict[JobId, asyncio.Future[Mapping[str, str]]] = {}
        self._at_work: asyncio.Task[None] | None = None

    async def report(self, job_id: JobId) -> JobReport:
        """All that is known of a job; raises JobNotFound, StoreUnavailable, RecordError (of another version)."""
        if job_id not in self._asked:
            self._asked[job_id] = asyncio.get_running_loop().create_future()
        answer = self._asked[job_id]
        if self._at_work is None:
            self._at_work = asyncio.create_task(self._work())
        # Shielded: whose client leaves takes the answer from nobody else.
        return JobReport.from_record(job_id, await asyncio.shield(answer))

    async def _work(self) -> None:
        try:
            while self._asked:
                asked, self._asked = self._asked, {}
                await self._answer(asked)
        finally:
            self._at_work = None

    async def _answer(self, asked: Mapping[JobId, "asyncio.Future[Mapping[str, str]]"]) -> None:
        try:
            found = await run_sync(self._read, list(asked))
        except Exception as error:  # noqa: BLE001  (whoever asked is told, whatever it is)
            for answer in asked.values():
                answer.set_exception(error)
                # Nobody may wait for it any more.
                answer.exception()
            return
        for job_id, answer in asked.items():
            if record := found.get(job_id):
                answer.set_result(record)
            else:
                answer.set_exception(JobNotFound(job_id))
                answer.exception()
