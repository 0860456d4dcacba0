"""SchedulerClient: all that a scheduler does over HTTP, as methods."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from pixyz_scheduler.client import protocol, transfers
from pixyz_scheduler.client.follow import follow
from pixyz_scheduler.client.models import JobDetails, JobRef, JobState
from pixyz_scheduler.client.resend import send_once
from pixyz_scheduler.client.transfers import OnBytes
from pixyz_scheduler.client.transport import Transport
from pixyz_scheduler.client.watch import Watch

TIMEOUT = 60.0
PATIENCE = 60.0
LARGEST_PAGE = 1000
"""Jobs; the server refuses to list more at once."""


class SchedulerClient:
    """A scheduler, as its users see it.

        with SchedulerClient("http://127.0.0.1:8001", token) as scheduler:
            job = scheduler.submit(process="convert_file", file="wheel.step", params={"extension": "glb"})
            done = scheduler.wait(job)
            scheduler.download_all(job, "wheel.zip")

    A job is given by its uuid or by a JobState. Every method may raise a SchedulerError: Unreachable where
    nothing answers, AccessDenied for the key, BadInput and NotFound for what was asked.

    Args:
        url: where the scheduler is, like http://127.0.0.1:8001.
        token: the API key; `version` alone needs none.
        timeout: seconds that the server may be silent before a call ends in Unreachable.
        clock: seconds from any start, never going back.
        sleep: pauses for so many seconds.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = Transport(url, token, timeout=timeout)
        self._clock = clock
        self._sleep = sleep

    @property
    def url(self) -> str:
        """Where the scheduler is."""
        return self._transport.url

    def version(self) -> str:
        """The server's version."""
        return self._transport.send(protocol.version())

    def processes(self) -> tuple[str, ...]:
        """The names of the processes that the server offers."""
        return self._transport.send(protocol.processes())

    def process_doc(self, name: str) -> str:
        """What a process does and which params it takes."""
        return self._transport.send(protocol.process_doc(name))

    def submit(  # noqa: PLR0913  (each is a field of POST /jobs, and optional)
        self,
        *,
        script: str | Path | None = None,
        process: str | None = None,
        file: str | Path | None = None,
        params: object = None,
        name: str | None = None,
        entrypoint: str | None = None,
        queue: str | None = None,
        time_limit: float | None = None,
        idempotency_key: str | None = None,
        **config: object,
    ) -> JobState:
        """Create a job from a script of yours or from a process of the server.

        A connection that breaks meanwhile is no trouble: it is sent again, and makes one job.

        Args:
            script: path of the Python file; this or `process`.
            process: name of a process; this or `script`.
            file: path of the input, a 3D file or an archive.
            params: a JSON object for the entry point.
            name: your name for the job.
            entrypoint: function of the script, `main` by default.
            queue: where it runs, `cpu` by default.
            time_limit: seconds, 3600 by default.
            idempotency_key: a text of your own for this job, by default a new one; with the same one within 24 hours
                you get the same job again, however often you ask, and BadInput for another request.
            config: further settings of the job: root_file, priority, compute_only, raw.
        """
        settings = {"entrypoint": entrypoint, "queue": queue, "time_limit": time_limit, **config}
        key = str(uuid.uuid4()) if idempotency_key is None else idempotency_key
        call = protocol.submit(
            script=script, process=process, file=file, params=params, name=name, config=settings, key=key
        )
        return send_once(self._transport, call, clock=self._clock, sleep=self._sleep)

    def jobs(
        self,
        *,
        limit: int = 100,
        status: str | None = None,
        name: str | None = None,
        queue: str | None = None,
        since: str | None = None,
    ) -> tuple[JobState, ...]:
        """The newest jobs, newest first, at most `limit` of them; as many pages as that takes."""
        found: tuple[JobState, ...] = ()
        cursor = None
        while True:
            wanted = min(limit - len(found), LARGEST_PAGE)
            page = self._transport.send(
                protocol.jobs(limit=wanted, cursor=cursor, status=status, name=name, queue=queue, since=since)
            )
            found += page.jobs[:wanted]
            cursor = page.cursor
            if not cursor or not page.jobs or len(found) >= limit:
                return found

    def status(self, job: JobRef) -> JobState:
        """Where a job stands."""
        return self._transport.send(protocol.status(job))

    def details(self, job: JobRef) -> JobDetails:
        """All of a job: times, steps, result, traceback."""
        return self._transport.send(protocol.details(job))

    def outputs(self, job: JobRef) -> tuple[str, ...]:
        """The relative paths of a job's files."""
        return self._transport.send(protocol.outputs(job))

    def download(self, job: JobRef, path: str, to: str | Path, *, on_bytes: OnBytes | None = None) -> Path:
        """Fetch one file of a job to `to`, or into it where it is a folder; the path it lies at."""
        return transfers.output(self._transport, job, path, to, on_bytes=on_bytes)

    def download_all(
        self,
        job: JobRef,
        to: str | Path,
        *,
        on_bytes: OnBytes | None = None,
        on_wait: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Path:
        """Fetch all files of a job as one zip; waits for the job's end and for the archive.

        Raises NotReady after `timeout` seconds of waiting; None waits for as long as it takes.
        """
        return transfers.archive(
            self._transport,
            job,
            to,
            on_bytes=on_bytes,
            on_wait=on_wait,
            timeout=timeout,
            clock=self._clock,
            sleep=self._sleep,
        )

    def watch(self, job: JobRef, *, timeout: float | None = None, patience: float = PATIENCE) -> Iterator[JobDetails]:
        """The changes of a job as they happen; the last one has ended.

        Raises StillWorking after `timeout` seconds. A server that goes away meanwhile has `patience` seconds to
        come back before it is Unreachable.
        """
        watch = Watch(job, timeout=timeout, patience=patience, clock=self._clock)
        return follow(self._transport, watch, sleep=self._sleep)

    def wait(
        self,
        job: JobRef,
        *,
        on_change: Callable[[JobDetails], None] | None = None,
        timeout: float | None = None,
        patience: float = PATIENCE,
    ) -> JobDetails:
        """Wait for a job's end; how it ended, its result included. Errors as of `watch`."""
        details = None
        for details in self.watch(job, timeout=timeout, patience=patience):
            if on_change is not None:
                on_change(details)
        return details if details is not None else self.details(job)

    def cancel(self, job: JobRef) -> JobState:
        """Ask for a job's end: a waiting one is REVOKED at once, a running one soon; Conflict if it has ended."""
        return self._transport.send(protocol.cancel(job))

    def retry(self, job: JobRef) -> JobState:
        """Have a job that has ended run again, with the same inputs; Conflict if it has not ended."""
        return self._transport.send(protocol.retry(job))

    def delete(self, job: JobRef) -> bool:
        """Have a job removed with its files; whether it is gone, or is being stopped and goes then."""
        return self._transport.send(protocol.delete(job))

    def close(self) -> None:
        """Let the connections go."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
