"""Waits for a job's end."""

from collections.abc import AsyncGenerator, Callable

from pixyz_scheduler.client import protocol
from pixyz_scheduler.client.errors import JobFailed
from pixyz_scheduler.client.follow import follow
from pixyz_scheduler.client.models import JobDetails, JobRef
from pixyz_scheduler.client.watch import Watch
from pixyz_scheduler.client.wire import Wire
from pixyz_scheduler.errors import Unavailable

PATIENCE = 60.0
"""Seconds in which a server that is away may come back."""


def watch(
    wire: Wire,
    job: JobRef,
    *,
    timeout: float | None,
    patience: float,
    on_away: Callable[[Unavailable], None] | None,
) -> AsyncGenerator[JobDetails, None]:
    """The changes of a job as they happen; the last one has ended."""
    return follow(wire, Watch(job, timeout=timeout, patience=patience, clock=wire.now), on_away=on_away)


async def end(
    wire: Wire,
    job: JobRef,
    *,
    on_change: Callable[[JobDetails], None] | None,
    timeout: float | None,
    patience: float,
    on_away: Callable[[Unavailable], None] | None,
) -> JobDetails:
    """How the job ended."""
    details = None
    async for details in watch(wire, job, timeout=timeout, patience=patience, on_away=on_away):
        if on_change is not None:
            on_change(details)
    return details if details is not None else await wire.send(protocol.details(job))


def succeeded(details: JobDetails) -> JobDetails:
    """The same, or JobFailed."""
    if not details.succeeded:
        raise JobFailed(details.uuid, details.status, details.error, reason=details.reason)
    return details
