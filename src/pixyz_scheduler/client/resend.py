"""Sends a call that has a key of its own once more where the connection broke: it is done once all the same."""

from typing import TypeVar

from pixyz_scheduler.client.errors import Broken
from pixyz_scheduler.client.protocol import Call
from pixyz_scheduler.client.wire import OnBytes, Wire
from pixyz_scheduler.errors import Conflict, SchedulerError, Unavailable

T = TypeVar("T")

PATIENCE = 45.0
"""Seconds: a server that was killed in mid-request holds the key for 30, and its successor starts meanwhile."""
PAUSE = 1.0


async def send_once(wire: Wire, call: Call[T], *, on_bytes: OnBytes | None) -> T:
    """The call's value. Where nothing was asked yet (no scheduler is there) its error comes at once."""
    try:
        return await wire.send(call, on_bytes=on_bytes)
    except Broken as error:
        last: SchedulerError = error
    give_up = wire.now() + PATIENCE
    while wire.now() < give_up:
        await wire.pause(PAUSE)
        try:
            return await wire.send(call, on_bytes=on_bytes)
        except (Conflict, Unavailable) as error:
            # The first one is still at work there; or whoever was there comes back.
            last = error
    raise last
