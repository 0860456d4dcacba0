"""Upload: a request's body on its way to a job; files are written straight to their place, and once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from typing_extensions import Self

from pixyz_scheduler.api.form import Fields, reader_of
from pixyz_scheduler.api.idempotency import key_digest
from pixyz_scheduler.api.tracing import trace_of
from pixyz_scheduler.errors import InvalidUpload, UploadTooLarge
from pixyz_scheduler.jobs.accepted import Accepted
from pixyz_scheduler.jobs.trace import TraceContext
from pixyz_scheduler.scheduler import Scheduler

# Fewer, larger writes: a network's share answers each of them slowly.
_BATCH = 1 << 20
SMALL_AT_ONCE = 4
"""Small jobs on their way at a time: enough to wait for the disk together, few to take the interpreter from each other.

See decision 33.
"""


class Upload:
    """A form on its way to a job; a context manager whose methods block: use it from one worker thread at a time.

    Args:
        scheduler: takes the job.
        content_type: the header's value; raises InvalidUpload where it is not a form's.
        key: digest of the request's Idempotency-Key.
        trace: in which the request belongs.
    """

    def __init__(
        self, scheduler: Scheduler, content_type: str, *, key: str | None = None, trace: TraceContext | None = None
    ) -> None:
        self._scheduler = scheduler
        self._trace = trace
        self._hold = scheduler.hold(key) if key else None
        self._reader_for = reader_of(content_type)
        self._leave = ExitStack()

    def __enter__(self) -> Self:
        """Begin; raises RequestInFlight where another request with the same key has begun."""
        # Freed last: when the key is free again nothing of this request is left.
        with ExitStack() as begun:
            if self._hold is not None:
                begun.enter_context(self._hold)
            self._incoming = begun.enter_context(self._scheduler.incoming())
            self._leave = begun.pop_all()
        self._fields = Fields(self._incoming)
        self._reader = self._reader_for(self._fields)
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.close()

    def feed(self, *parts: bytes) -> None:
        """The next parts of the body."""
        if self._hold is not None:
            self._hold.refresh()
        for part in parts:
            self._reader.feed(part)

    def finish(self) -> Accepted:
        """The body has ended: take the job."""
        self._reader.finish()
        return self._scheduler.submit(self._fields.submission(self._trace), self._incoming, hold=self._hold)

    def take_whole(self, body: bytes) -> Accepted:
        """A body that is here already."""
        with self:
            self.feed(body)
            return self.finish()


async def receive(
    request: Request, scheduler: Scheduler, *, max_size: int, small: anyio.CapacityLimiter | None = None
) -> Accepted:
    """Take the job that a request brings; nothing of it stays when it is refused, or its client leaves.

    Args:
        request: its body not read yet.
        scheduler: takes the job.
        max_size: bytes of the body at most; 0 for no limit.
        small: lends the threads in which small bodies are taken; None for those of all.

    Raises:
        BadInput: naming what is wrong.
        UploadTooLarge: more than `max_size`.
        RequestInFlight, IdempotencyKeyReused: its key is at work, or was sent with another request.
        WrongShare, StoreUnavailable, StorageFull: try again later.
        ClientDisconnect: the client left.
    """
    kind, trace = request.headers.get("content-type", ""), trace_of(request)
    upload = Upload(scheduler, kind, key=key_digest(request.headers), trace=trace)
    coming = _announced(request)
    _check_size(coming, max_size)
    if coming >= _BATCH or "transfer-encoding" in request.headers:
        # A large body is refused before it is read; for a small one it is asked where it is taken, in the same thread.
        await run_sync(lambda: scheduler.check(coming=coming))
    batches = _batches(request, max_size=max_size)
    first: list[bytes] = await anext(batches, [])
    if sum(map(len, first)) < _BATCH:
        # Small, as most are: one visit to a thread for all of it.
        return await run_sync(upload.take_whole, b"".join(first), limiter=small)
    try:
        await run_sync(upload.__enter__)
        await _feed_all(upload, first, batches)
        return await run_sync(upload.finish)
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(upload.__exit__)


async def _feed_all(upload: Upload, first: list[bytes], batches: AsyncIterator[list[bytes]]) -> None:
    """Feed batch by batch; while one is written the next comes.

    A thread is lent for a batch only: slow clients, however many, keep nobody else waiting.
    """
    at_work = asyncio.ensure_future(run_sync(upload.feed, *first))
    try:
        async for batch in batches:
            await at_work
            at_work = asyncio.ensure_future(run_sync(upload.feed, *batch))
        await at_work
    finally:
        with anyio.CancelScope(shield=True):
            # Where the client left: its last batch is still being written.
            await asyncio.gather(at_work, return_exceptions=True)


async def _batches(request: Request, *, max_size: int) -> AsyncIterator[list[bytes]]:
    """The body in batches of about a mebibyte, as it came; only the last is smaller."""
    waiting: list[bytes] = []
    size = total = 0
    async for chunk in request.stream():
        if not chunk:
            # To a parser an empty part would be the end.
            continue
        waiting.append(chunk)
        size += len(chunk)
        total += len(chunk)
        _check_size(total, max_size)
        if size >= _BATCH:
            yield waiting
            waiting, size = [], 0
    if size:
        yield waiting


def _announced(request: Request) -> int:
    try:
        return int(request.headers.get("content-length", "0"))
    except ValueError:
        raise InvalidUpload("The header Content-Length is not a number.") from None


def _check_size(size: int, max_size: int) -> None:
    if max_size and size > max_size:
        raise UploadTooLarge(f"The body has more than the {max_size} bytes that MAX_UPLOAD_SIZE allows.")
