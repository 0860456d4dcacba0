"""Runs a batch: so many inputs at once, each sent, followed and fetched; what was done stands in the journal."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from typing_extensions import assert_never

from pixyz_scheduler.cli.batch.journal import Entry, Journal, Left
from pixyz_scheduler.cli.batch.places import targets
from pixyz_scheduler.cli.batch.work import Resend, Send, Skip, TakeUp, Work, digest_of, next_step
from pixyz_scheduler.client import AsyncSchedulerClient, JobDetails, JobState
from pixyz_scheduler.client.pace import WATCHING
from pixyz_scheduler.client.protocol import new_key
from pixyz_scheduler.client.waiting import PATIENCE
from pixyz_scheduler.errors import AccessDenied, BadInput, Conflict, NotFound, SchedulerError, StorageFull, Unavailable

T = TypeVar("T")
_FATAL = (Unavailable, AccessDenied, StorageFull)
"""What would befall every other input as well."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How it went with one input."""

    input: str
    """As the user may name it."""
    status: str
    """The job's last one, or SKIPPED; FAILURE where there was no job, or its files did not come."""
    uuid: str | None = None
    outputs: tuple[Path, ...] = ()
    error: str | None = None
    reason: str | None = None
    """Of the error, in one line."""
    warnings: tuple[str, ...] = ()
    cached_from: str | None = None
    """The job that did the work, where its files were taken."""

    @property
    def good(self) -> bool:
        """Whether the files are there."""
        return self.status in {"SUCCESS", "SKIPPED"}


class View(Protocol):
    """Hears how a batch goes on."""

    def at_work(self, name: str, doing: str, percent: int | None) -> None:
        """What happens with an input now."""

    def ended(self, how: Ended) -> None:
        """An input has come to its end."""

    def away(self, reason: Unavailable) -> None:
        """The scheduler does not answer and will be asked again."""


class Batch:
    """One run over the inputs of a journal."""

    def __init__(
        self, scheduler: AsyncSchedulerClient, journal: Journal, work: Work, view: View, *, overwrite: bool
    ) -> None:
        self._scheduler = scheduler
        self._journal = journal
        self._work = work
        self._digest = work.digest()
        self._view = view
        self._overwrite = overwrite

    async def run(self, *, at_once: int) -> None:
        """All inputs to their ends. Raises what would befall every other input too; the journal has the rest."""
        entries = self._journal.entries()
        slots = [asyncio.create_task(self._slot(entries)) for _ in range(at_once)]
        try:
            await asyncio.gather(*slots)
        finally:
            for slot in slots:
                slot.cancel()
            await asyncio.gather(*slots, return_exceptions=True)

    async def _slot(self, entries: Iterator[Entry]) -> None:
        for entry in entries:
            name = named(self._journal.path_of(entry))
            try:
                how = await self._one(entry, name)
            except _FATAL:
                raise
            except SchedulerError as error:
                self._journal.failed(entry, str(error))
                how = Ended(input=name, status="FAILURE", error=str(error))
            self._view.ended(how)

    async def _one(self, entry: Entry, name: str) -> Ended:
        path = self._journal.path_of(entry)
        self._view.at_work(name, "reading", None)
        digest, size, mtime_ns = await asyncio.to_thread(_content, path, entry)
        left = self._journal.left_by(entry)
        there = all(self._journal.target(each.path).is_file() for each in left)
        step = next_step(entry, digest=digest, work=self._digest, url=self._scheduler.url, outputs_are_there=there)
        match step:
            case Skip():
                return Ended(input=name, status="SKIPPED", uuid=entry.uuid, outputs=self._paths(left))
            case TakeUp():
                job = await self._taken_up(step.uuid)
            case Resend() | Send():
                job = None
            case _:
                assert_never(step)
        if job is None:
            key = step.key if isinstance(step, Resend) else new_key()
            self._journal.sending(
                entry,
                digest=digest,
                size=size,
                mtime_ns=mtime_ns,
                work=self._digest,
                url=self._scheduler.url,
                key=key,
            )
            job = await self._send(path, name, key)
            self._journal.sent(entry, job.uuid)
        return await self._to_its_end(entry, name, job)

    async def _taken_up(self, uuid: str) -> JobState | None:
        """The job of an earlier run, if it can still come to a good end."""
        try:
            job = await self._patiently(lambda: self._scheduler.status(uuid))
        except NotFound:
            return None
        return None if job.ended and not job.succeeded else job

    async def _send(self, path: Path, name: str, key: str) -> JobState:
        def gone(done: int, total: int | None) -> None:
            self._view.at_work(name, "uploading", round(100 * done / total) if total else None)

        return await self._patiently(
            lambda: self._scheduler.submit(
                process=self._work.process,
                script=self._work.script,
                file=path,
                params=self._work.params,
                name=path.name,
                idempotency_key=key,
                on_bytes=gone,
                entrypoint=self._work.entrypoint,
                queue=self._work.queue,
                time_limit=self._work.time_limit,
                cache=self._work.cache,
                deduplicate=self._work.deduplicate or None,
            ),
            # An earlier run was killed while it sent: what it has sent is at work there.
            until_free=True,
        )

    async def _to_its_end(self, entry: Entry, name: str, job: JobState) -> Ended:
        def changed(now: JobDetails) -> None:
            self._view.at_work(name, now.step or now.waiting_for or now.status, now.progress)

        ended = await self._scheduler.wait(job, on_change=changed, on_away=self._view.away)
        if not ended.succeeded:
            error = ended.error or f"The job ended as {ended.status}."
            self._journal.failed(entry, error)
            return Ended(input=name, status=ended.status, uuid=ended.uuid, error=error, reason=ended.reason)
        outputs = await self._patiently(lambda: self._scheduler.outputs(ended))
        places = targets(entry.place, outputs)
        self._refuse_what_is_not_ours(entry, places)
        self._journal.claim(entry, places.values())
        for path, place in places.items():
            self._view.at_work(name, f"downloading {path}", None)
            await self._patiently(partial(self._scheduler.download, ended, path, self._journal.target(place)))
        left = tuple(_left(self._journal.target(place), place) for place in places.values())
        self._journal.done(entry, left)
        return Ended(
            input=name,
            status="SUCCESS",
            uuid=ended.uuid,
            outputs=self._paths(left),
            warnings=_warnings(ended),
            cached_from=ended.cached_from,
        )

    def _refuse_what_is_not_ours(self, entry: Entry, places: Mapping[str, str]) -> None:
        for place in places.values():
            target = self._journal.target(place)
            if not target.exists():
                continue
            owner = self._journal.owner_of(place)
            if owner is not None and owner[0] != entry.input:
                raise Conflict(f"{named(target)} is what became of {owner[0]}.")
            if self._overwrite or (owner is not None and _is_as_left(target, owner[1])):
                continue
            what = "is there already and not from this batch" if owner is None else "was changed since it was made"
            raise Conflict(f"{named(target)} {what}: move it away, or give --overwrite.")

    async def _patiently(self, ask: Callable[[], Awaitable[T]], *, until_free: bool = False) -> T:
        """The answer; a scheduler that is away has a while to come back."""
        tries, since = 0, asyncio.get_running_loop().time()
        while True:
            try:
                return await ask()
            except (Unavailable, Conflict) as error:
                wait = isinstance(error, Unavailable) or until_free
                if not wait or asyncio.get_running_loop().time() - since >= PATIENCE:
                    raise
                if not tries and isinstance(error, Unavailable):
                    self._view.away(error)
            await asyncio.sleep(WATCHING.after(tries))
            tries += 1

    def _paths(self, left: tuple[Left, ...]) -> tuple[Path, ...]:
        return tuple(Path(named(self._journal.target(each.path))) for each in left)


def named(path: Path) -> str:
    """A path as the user may name it: from where he is, if it lies there."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _content(path: Path, entry: Entry) -> tuple[str, int, int]:
    """Digest, size and time of change; a file whose size and time are as they were is not read again."""
    try:
        found = path.stat()
    except OSError as error:
        raise BadInput(f"Cannot read {path}: {error.strerror or error}.") from error
    if entry.digest is not None and (entry.size, entry.mtime_ns) == (found.st_size, found.st_mtime_ns):
        return entry.digest, found.st_size, found.st_mtime_ns
    return digest_of(path), found.st_size, found.st_mtime_ns


def _left(target: Path, place: str) -> Left:
    found = target.stat()
    return Left(place, found.st_size, found.st_mtime_ns)


def _is_as_left(target: Path, left: Left) -> bool:
    found = target.stat()
    return left.size is None or (left.size, left.mtime_ns) == (found.st_size, found.st_mtime_ns)


def _warnings(ended: JobDetails) -> tuple[str, ...]:
    told = ended.result.get("warnings") if isinstance(ended.result, dict) else None
    return tuple(str(each) for each in told) if isinstance(told, list) else ()
