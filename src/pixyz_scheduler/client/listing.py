"""Lists jobs, in as many pages as that takes."""

from pixyz_scheduler.client import protocol
from pixyz_scheduler.client.models import JobState
from pixyz_scheduler.client.wire import Wire

LARGEST_PAGE = 1000
"""Jobs; the server refuses to list more at once."""


async def newest(wire: Wire, *, limit: int, **filters: str | None) -> tuple[JobState, ...]:
    """The newest jobs, newest first, at most `limit` of them."""
    found: tuple[JobState, ...] = ()
    cursor = None
    while True:
        wanted = min(limit - len(found), LARGEST_PAGE)
        page = await wire.send(protocol.jobs(limit=wanted, cursor=cursor, **filters))
        found += page.jobs[:wanted]
        cursor = page.cursor
        # A page may be empty and not the last: the server looks at so many jobs at a time.
        if not cursor or len(found) >= limit:
            return found
