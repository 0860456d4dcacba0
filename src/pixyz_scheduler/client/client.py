"""SchedulerClient: all that a scheduler does over HTTP, as methods that block."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from pixyz_scheduler.client import listing, log_stream, protocol, transfers, waiting
from pixyz_scheduler.client.graph import Graph
from pixyz_scheduler.client.job import Job, with_client
from pixyz_scheduler.client.models import JobDetails, JobRef, JobState
from pixyz_scheduler.client.protocol import Files
from pixyz_scheduler.client.resend import send_once
from pixyz_scheduler.client.transport import Transport
from pixyz_scheduler.client.waiting import PATIENCE
from pixyz_scheduler.client.wire import OnBytes, at_once, one_by_one
from pixyz_scheduler.errors import Unavailable

TIMEOUT = 60.0


class SchedulerClient:
    """A scheduler, as its users see it.

        with SchedulerClient("http://127.0.0.1:8001", token) as scheduler:
            job = scheduler.submit(process="convert_file", file="wheel.step", params={"extension": "glb"})
            job.wait().download("out/")

    A job is given by its uuid or by what the server said of it (a Job, a JobState). Every method may raise a
    SchedulerError: Unreachable where nothing answers, AccessDenied for the key, BadInput and NotFound for what was
    asked.

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
        self._transport = Transport(url, token, timeout=timeout, clock=clock, sleep=sleep)

    @property
    def url(self) -> str:
        """Where the scheduler is."""
        return self._transport.url

    def version(self) -> str:
        """The server's version."""
        return at_once(self._transport.send(protocol.version()))

    def processes(self) -> tuple[str, ...]:
        """The names of the processes that the server offers."""
        return at_once(self._transport.send(protocol.processes()))

    def process_doc(self, name: str) -> str:
        """What a process does and which params it takes."""
        return at_once(self._transport.send(protocol.process_doc(name)))

    def submit(  # noqa: PLR0913  (each is a field of POST /jobs, and optional)
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
    ) -> Job:
        """Create a job from a script of yours or from a process of the server.

        A connection that breaks meanwhile is no trouble: it is sent again, and makes one job.

        Args:
            script: path of the Python file; this or `process`.
            process: name of a process; this or `script`.
            file: path of the input, a 3D file or an archive; or several paths.
            params: a JSON object for the entry point.
            name: your name for the job.
            entrypoint: function of the script, `main` by default.
            queue: where it runs, `cpu` by default.
            time_limit: seconds, 3600 by default.
            cache: the outputs of an earlier job that did the same work will do; False by default.
            deduplicate: what is sent may lie on the share once for all jobs that say so; False by default.
            idempotency_key: a text of your own for this job, by default a new one; with the same one within 24 hours
                you get the same job again, however often you ask, and BadInput for another request.
            on_bytes: called with the bytes of the files that have gone, and with all there are.
            config: further settings of the job: root_file, priority, compute_only, raw, input_job, input_url, ...
        """
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
        return with_client(Job, at_once(send_once(self._transport, call, on_bytes=on_bytes)), self)

    def job(self, job: JobRef) -> Job:
        """A job that is there already, as it stands."""
        return with_client(Job, self.details(job), self)

    def jobs(
        self,
        *,
        limit: int = 100,
        status: str | None = None,
        name: str | None = None,
        queue: str | None = None,
        since: str | None = None,
        parent: str | None = None,
    ) -> tuple[JobState, ...]:
        """The newest jobs, newest first, at most `limit` of them; as many pages as that takes.

        `parent`: only the sub-tasks of that job; "none" for those that users have sent.
        """
        found = listing.newest(
            self._transport, limit=limit, status=status, name=name, queue=queue, since=since, parent=parent
        )
        return at_once(found)

    def status(self, job: JobRef) -> JobState:
        """Where a job stands."""
        return at_once(self._transport.send(protocol.status(job)))

    def details(self, job: JobRef) -> JobDetails:
        """All of a job: times, steps, result, traceback."""
        return at_once(self._transport.send(protocol.details(job)))

    def outputs(self, job: JobRef) -> tuple[str, ...]:
        """The relative paths of a job's files."""
        return at_once(self._transport.send(protocol.outputs(job)))

    def download(self, job: JobRef, path: str, to: str | Path, *, on_bytes: OnBytes | None = None) -> Path:
        """Fetch one file of a job to `to`, or into it where it is a folder; the path it lies at.

        Where an earlier call was interrupted, it goes on with what that left in `to`.part.
        """
        return at_once(transfers.output(self._transport, job, path, to, on_bytes=on_bytes))

    def download_outputs(
        self, job: JobRef, to: str | Path, *, on_file: Callable[[str], OnBytes | None] | None = None
    ) -> tuple[Path, ...]:
        """Fetch all files of a job into a folder, each under its own relative path; where they lie.

        `on_file` hears the path of each before it comes, and may answer with an `on_bytes` for it.
        """
        return at_once(transfers.outputs(self._transport, job, to, on_file=on_file))

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
        fetched = transfers.archive(self._transport, job, to, on_bytes=on_bytes, on_wait=on_wait, timeout=timeout)
        return at_once(fetched)

    def watch(
        self,
        job: JobRef,
        *,
        timeout: float | None = None,
        patience: float = PATIENCE,
        on_away: Callable[[Unavailable], None] | None = None,
    ) -> Iterator[JobDetails]:
        """The changes of a job as they happen; the last one has ended.

        Raises StillWorking after `timeout` seconds. A server that is away, at first or meanwhile, has `patience`
        seconds to come back before it is Unreachable; `on_away` hears of it once.
        """
        changes = waiting.watch(self._transport, job, timeout=timeout, patience=patience, on_away=on_away)
        return one_by_one(changes)

    def wait(
        self,
        job: JobRef,
        *,
        on_change: Callable[[JobDetails], None] | None = None,
        timeout: float | None = None,
        patience: float = PATIENCE,
        on_away: Callable[[Unavailable], None] | None = None,
    ) -> JobDetails:
        """Wait for a job's end; how it ended, its result included. Errors as of `watch`."""
        ended = waiting.end(
            self._transport, job, on_change=on_change, timeout=timeout, patience=patience, on_away=on_away
        )
        return at_once(ended)

    def logs(
        self, job: JobRef, *, attempt: int | None = None, offset: int = 0, follow: bool = False
    ) -> Iterator[bytes]:
        """What a job has printed, both streams, in pieces; with `follow` also what it prints from now on, to its end.

        The attempt is the last one where none is named. A connection that breaks is no trouble.
        """
        return one_by_one(log_stream.read(self._transport, job, attempt=attempt, offset=offset, follow=follow))

    def graph(self, job: JobRef) -> Graph:
        """A job, the jobs that it has started, and theirs."""
        return at_once(self._transport.send(protocol.graph(job)))

    def draw_graph(self, job: JobRef, form: str) -> str:
        """The same as a picture in text: `mermaid` or `svg`."""
        return at_once(self._transport.send(protocol.drawn_graph(job, form)))

    def cancel(self, job: JobRef) -> JobState:
        """Ask for a job's end: a waiting one is REVOKED at once, a running one soon; Conflict if it has ended."""
        return at_once(self._transport.send(protocol.cancel(job)))

    def retry(self, job: JobRef) -> JobState:
        """Have a job that has ended run again, with the same inputs; Conflict if it has not ended."""
        return at_once(self._transport.send(protocol.retry(job)))

    def delete(self, job: JobRef) -> bool:
        """Have a job removed with its files; whether it is gone, or is being stopped and goes then."""
        return at_once(self._transport.send(protocol.delete(job)))

    def close(self) -> None:
        """Let the connections go."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
