"""AsyncSchedulerClient: SchedulerClient, awaited. What each method does stands there, in the modules both share."""

import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from pixyz_scheduler.client import listing, log_stream, protocol, transfers, waiting
from pixyz_scheduler.client.async_transport import AsyncTransport
from pixyz_scheduler.client.client import TIMEOUT
from pixyz_scheduler.client.graph import Graph
from pixyz_scheduler.client.job import AsyncJob, with_client
from pixyz_scheduler.client.models import JobDetails, JobRef, JobState
from pixyz_scheduler.client.protocol import Files
from pixyz_scheduler.client.resend import send_once
from pixyz_scheduler.client.waiting import PATIENCE
from pixyz_scheduler.client.wire import OnBytes
from pixyz_scheduler.errors import Unavailable


class AsyncSchedulerClient:
    """A scheduler, as users of asyncio see it: the methods, arguments and errors of SchedulerClient.

        async with AsyncSchedulerClient("http://127.0.0.1:8001", token) as scheduler:
            job = await scheduler.submit(process="convert_file", file="wheel.step")
            await job.wait()
            await job.download("out/")

    A file that is read or written holds up the loop for no more than a piece of it.

    Args:
        url: where the scheduler is, like http://127.0.0.1:8001.
        token: the API key; `version` alone needs none.
        timeout: seconds that the server may be silent before a call ends in Unreachable.
        clock: seconds from any start, never going back.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = AsyncTransport(url, token, timeout=timeout, clock=clock)

    @property
    def url(self) -> str:
        """Where the scheduler is."""
        return self._transport.url

    async def version(self) -> str:
        """The server's version."""
        return await self._transport.send(protocol.version())

    async def processes(self) -> tuple[str, ...]:
        """The names of the processes that the server offers."""
        return await self._transport.send(protocol.processes())

    async def process_doc(self, name: str) -> str:
        """What a process does and which params it takes."""
        return await self._transport.send(protocol.process_doc(name))

    async def submit(  # noqa: PLR0913  (each is a field of POST /jobs, and optional)
        self,
        *,
        script: str | Path | None = None,
        process: str | None = None,
        file: Files | None = None,
        params: object = None,
        name: str | None = None,
        entrypoint: str | None = None,
        queue: str | None = None,
        time_limit: float | None = None,
        cache: bool | None = None,
        deduplicate: bool | None = None,
        idempotency_key: str | None = None,
        on_bytes: OnBytes | None = None,
        **config: object,
    ) -> AsyncJob:
        """Create a job; the arguments are those of SchedulerClient.submit."""
        call = protocol.submit(
            script=script,
            process=process,
            file=file,
            params=params,
            name=name,
            config={
                "entrypoint": entrypoint,
                "queue": queue,
                "time_limit": time_limit,
                "cache": cache,
                "deduplicate": deduplicate,
                **config,
            },
            key=protocol.new_key() if idempotency_key is None else idempotency_key,
        )
        return with_client(AsyncJob, await send_once(self._transport, call, on_bytes=on_bytes), self)

    async def job(self, job: JobRef) -> AsyncJob:
        """A job that is there already, as it stands."""
        return with_client(AsyncJob, await self.details(job), self)

    async def jobs(
        self,
        *,
        limit: int = 100,
        status: str | None = None,
        name: str | None = None,
        queue: str | None = None,
        since: str | None = None,
        parent: str | None = None,
    ) -> tuple[JobState, ...]:
        """The newest jobs, newest first, at most `limit` of them."""
        return await listing.newest(
            self._transport, limit=limit, status=status, name=name, queue=queue, since=since, parent=parent
        )

    async def status(self, job: JobRef) -> JobState:
        """Where a job stands."""
        return await self._transport.send(protocol.status(job))

    async def details(self, job: JobRef) -> JobDetails:
        """All of a job."""
        return await self._transport.send(protocol.details(job))

    async def outputs(self, job: JobRef) -> tuple[str, ...]:
        """The relative paths of a job's files."""
        return await self._transport.send(protocol.outputs(job))

    async def download(self, job: JobRef, path: str, to: str | Path, *, on_bytes: OnBytes | None = None) -> Path:
        """Fetch one file of a job."""
        return await transfers.output(self._transport, job, path, to, on_bytes=on_bytes)

    async def download_outputs(
        self, job: JobRef, to: str | Path, *, on_file: Callable[[str], OnBytes | None] | None = None
    ) -> tuple[Path, ...]:
        """Fetch all files of a job into a folder."""
        return await transfers.outputs(self._transport, job, to, on_file=on_file)

    async def download_all(
        self,
        job: JobRef,
        to: str | Path,
        *,
        on_bytes: OnBytes | None = None,
        on_wait: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Path:
        """Fetch all files of a job as one zip."""
        return await transfers.archive(self._transport, job, to, on_bytes=on_bytes, on_wait=on_wait, timeout=timeout)

    def watch(
        self,
        job: JobRef,
        *,
        timeout: float | None = None,
        patience: float = PATIENCE,
        on_away: Callable[[Unavailable], None] | None = None,
    ) -> AsyncGenerator[JobDetails, None]:
        """The changes of a job as they happen, for `async for`; the last one has ended."""
        return waiting.watch(self._transport, job, timeout=timeout, patience=patience, on_away=on_away)

    async def wait(
        self,
        job: JobRef,
        *,
        on_change: Callable[[JobDetails], None] | None = None,
        timeout: float | None = None,
        patience: float = PATIENCE,
        on_away: Callable[[Unavailable], None] | None = None,
    ) -> JobDetails:
        """Wait for a job's end."""
        return await waiting.end(
            self._transport, job, on_change=on_change, timeout=timeout, patience=patience, on_away=on_away
        )

    def logs(
        self, job: JobRef, *, attempt: int | None = None, offset: int = 0, follow: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """What a job has printed, both streams, in pieces; with `follow` also what it prints from now on, to its end.

        The attempt is the last one where none is named. A connection that breaks is no trouble.
        """
        return log_stream.read(self._transport, job, attempt=attempt, offset=offset, follow=follow)

    async def graph(self, job: JobRef) -> Graph:
        """A job, the jobs that it has started, and theirs."""
        return await self._transport.send(protocol.graph(job))

    async def draw_graph(self, job: JobRef, form: str) -> str:
        """The same as a picture in text: `mermaid` or `svg`."""
        return await self._transport.send(protocol.drawn_graph(job, form))

    async def cancel(self, job: JobRef) -> JobState:
        """Ask for a job's end."""
        return await self._transport.send(protocol.cancel(job))

    async def retry(self, job: JobRef) -> JobState:
        """Have a job that has ended run again."""
        return await self._transport.send(protocol.retry(job))

    async def delete(self, job: JobRef) -> bool:
        """Have a job removed with its files."""
        return await self._transport.send(protocol.delete(job))

    async def close(self) -> None:
        """Let the connections go."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
