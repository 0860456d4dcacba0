"""Sends a call that has a key of its own once more where the connection broke: it is done once all the same."""

from collections.abc import Callable
from typing import TypeVar

from pixyz_scheduler.client.errors import Broken
from pixyz_scheduler.client.protocol import Call
from pixyz_scheduler.client.transport import Transport
from pixyz_scheduler.errors import Conflict, SchedulerError, Unavailable

T = TypeVar("T")

PATIENCE = 45.0
"""Seconds: a server that was killed in mid-request holds the key for 30, and its successor starts meanwhile."""
PAUSE = 1.0


def send_once(transport: Transport, call: Call[T], *, clock: Callable[[], float], sleep: Callable[[float], None]) -> T:
    """The call's value. Where nothing was asked yet (no scheduler is there) its error comes at once."""
    try:
        return transport.send(call)
    except Broken as error:
        last: SchedulerError = error
    give_up = clock() + PATIENCE
    while clock() < give_up:
        sleep(PAUSE)
        try:
            return transport.send(call)
        except (Conflict, Unavailable) as error:
            # The first one is still at work there; or whoever was there comes back.
            last = error
    raise last
