"""Carries out the moves of a Watch over a Wire, and hands on what it tells."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack

from typing_extensions import assert_never

from pixyz_scheduler.client import protocol
from pixyz_scheduler.client.models import JobDetails
from pixyz_scheduler.client.watch import Ask, Listen, Missing, NextLine, Pause, Reply, Tell, Watch
from pixyz_scheduler.client.wire import Wire
from pixyz_scheduler.errors import Unavailable


async def follow(
    wire: Wire, watch: Watch, *, on_away: Callable[[Unavailable], None] | None
) -> AsyncGenerator[JobDetails, None]:
    """The changes of the watched job; the last one has ended. `on_away` hears of each outage, once."""
    moves = watch.moves()
    reply: Reply = None
    async with AsyncExitStack() as opened:
        stream = _EventStream(wire, watch.job_id, opened)
        while True:
            try:
                move = moves.send(reply)
            except StopIteration:
                return
            reply = None
            match move:
                case Tell():
                    yield move.details
                case Missing():
                    if on_away is not None:
                        on_away(move.reason)
                case Ask():
                    reply = await _ask(wire, watch.job_id)
                case Pause():
                    await wire.pause(move.seconds)
                case Listen():
                    reply = await stream.open(move)
                case NextLine():
                    reply = await stream.next_line()
                case _:
                    assert_never(move)


async def _ask(wire: Wire, job_id: str) -> JobDetails | Unavailable:
    try:
        return await wire.send(protocol.details(job_id))
    except Unavailable as away:
        return away


class _EventStream:
    """One event stream at a time; `opened` keeps it until the next, or the end."""

    def __init__(self, wire: Wire, job_id: str, opened: AsyncExitStack) -> None:
        self._wire = wire
        self._path = protocol.events_path(job_id)
        self._opened = opened
        self._lines: AsyncIterator[str] | None = None

    async def open(self, wanted: Listen) -> bool | Unavailable:
        await self._opened.aclose()
        if not self._wire.listeners.enter(self._opened):
            return False
        headers = {"accept": "text/event-stream"} | ({"last-event-id": wanted.last_id} if wanted.last_id else {})
        try:
            body = await self._opened.enter_async_context(
                self._wire.stream(self._path, query=None, headers=headers, silence=wanted.silence)
            )
        except Unavailable as away:
            return away
        offered = body.headers.get("content-type", "").startswith("text/event-stream")
        if offered:
            self._lines = body.lines()
        else:
            await self._opened.aclose()
        return offered

    async def next_line(self) -> str | None:
        if self._lines is None:
            return None
        try:
            return await anext(self._lines, None)
        except Unavailable:
            return None
