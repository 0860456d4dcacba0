"""Reads what a job prints: once, or on and on to the job's end, through connections that break."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from pixyz_scheduler.client import parsing, protocol
from pixyz_scheduler.client.models import JobRef, JobState
from pixyz_scheduler.client.pace import WATCHING
from pixyz_scheduler.client.waiting import PATIENCE
from pixyz_scheduler.client.wire import Wire
from pixyz_scheduler.errors import Unavailable

_SILENCE = 30.0
"""Seconds without a byte after which it is asked for anew: who prints nothing is no different from who is gone."""


@dataclass
class _Place:
    """Where the reading is."""

    attempt: int | None
    offset: int
    was_there: bool = False


async def read(
    wire: Wire, job: JobRef, *, attempt: int | None, offset: int, follow: bool
) -> AsyncGenerator[bytes, None]:
    """What an attempt has printed from a byte on; with `follow` also what it goes on to print.

    The attempt is the last one where none is named; then `follow` goes on with those that come after it.
    """
    place = _Place(attempt, offset)
    while True:
        async with aclosing(_one_attempt(wire, job, place, follow=follow)) as pieces:
            async for piece in pieces:
                yield piece
        if not follow or attempt is not None or place.attempt is None:
            return
        if (await _last_word(wire, job)).ended:
            return
        place = _Place(place.attempt + 1, 0, was_there=True)


async def _last_word(wire: Wire, job: JobRef) -> JobState:
    """Where the job stands, once the scheduler says so."""
    tries, since = 0, wire.now()
    while True:
        try:
            return await wire.send(protocol.status(job))
        except Unavailable:
            if wire.now() - since >= PATIENCE:
                raise
        await wire.pause(WATCHING.after(tries))
        tries += 1


async def _one_attempt(wire: Wire, job: JobRef, place: _Place, *, follow: bool) -> AsyncGenerator[bytes, None]:
    tries, since = 0, wire.now()
    while True:
        query = {"offset": str(place.offset), **({} if place.attempt is None else {"attempt": str(place.attempt)})}
        if follow:
            query["follow"] = "true"
        try:
            async with wire.stream(protocol.logs_path(job), query=query, headers={}, silence=_SILENCE) as body:
                if not body.is_success:
                    raise parsing.refusal(await body.whole(), wire.url)
                place.was_there, since = True, wire.now()
                told = body.headers.get("x-log-attempt", "")
                place.attempt = int(told) if told.isdecimal() else place.attempt
                async for chunk in body.chunks():
                    place.offset += len(chunk)
                    tries, since = 0, wire.now()
                    yield chunk
        except Unavailable:
            if not place.was_there or wire.now() - since >= PATIENCE:
                raise
        else:
            return
        await wire.pause(WATCHING.after(tries))
        tries += 1
