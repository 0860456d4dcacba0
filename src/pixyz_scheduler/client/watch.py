"""Follows a job until it ends: by the server's events where it offers them, else by asking again."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing

from pixyz_scheduler.client import protocol
from pixyz_scheduler.client.errors import StillWorking
from pixyz_scheduler.client.models import JobDetails, JobRef
from pixyz_scheduler.client.pace import WATCHING
from pixyz_scheduler.client.sse import EventLines
from pixyz_scheduler.client.transport import Transport
from pixyz_scheduler.errors import Unavailable

SILENCE = 30.0
"""Seconds without a line (the server's pings count) after which an event stream is opened anew."""
RECONNECT = 1.0


class Watch:
    """The changes of one job, as an iterable of JobDetails whose last one has ended.

    A server that goes away while we watch is given `patience` seconds to come back.
    """

    def __init__(
        self,
        transport: Transport,
        job: JobRef,
        *,
        timeout: float | None,
        patience: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._transport = transport
        self._job = protocol.job_id(job)
        self._timeout = timeout
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._deadline = None if timeout is None else clock() + timeout
        self._status = "PENDING"

    def __iter__(self) -> Iterator[JobDetails]:
        seen = None
        with closing(self._reports()) as reports:
            for details in reports:
                self._status = details.status
                if details != seen:
                    yield details
                seen = details
                if details.ended:
                    return

    def _reports(self) -> Generator[JobDetails, None, None]:
        yield self._transport.send(protocol.details(self._job))
        yield from self._told()
        yield from self._asked()

    def _told(self) -> Iterator[JobDetails]:
        """What the event stream says; ends at once where there is none."""
        lines = EventLines()
        while True:
            headers = {"accept": "text/event-stream"} | ({"last-event-id": lines.last_id} if lines.last_id else {})
            try:
                with self._transport.stream(
                    protocol.events_path(self._job), headers=headers, timeout=self._remaining(SILENCE)
                ) as response:
                    if not response.headers.get("content-type", "").startswith("text/event-stream"):
                        return
                    yield self._ask()  # what happened while the stream was being opened
                    for line in response.iter_lines():
                        self._remaining(SILENCE)
                        # An event is a doorbell. What it carries may be older than what we have asked meanwhile,
                        # and progress that goes back is a lie.
                        if lines.feed(line) is not None:
                            yield self._ask()
            except Unavailable:
                pass  # away for a moment: the next question decides whether for too long
            self._pause(RECONNECT)
            yield self._ask()

    def _asked(self) -> Iterator[JobDetails]:
        unchanged, last = 0, None
        while True:
            self._pause(WATCHING.after(unchanged))
            details = self._ask()
            unchanged = unchanged + 1 if details == last else 0
            last = details
            yield details

    def _ask(self) -> JobDetails:
        tries, since = 0, self._clock()
        while True:
            try:
                return self._transport.send(protocol.details(self._job))
            except Unavailable:
                if self._clock() - since >= self._patience:
                    raise
            self._pause(WATCHING.after(tries))
            tries += 1

    def _pause(self, seconds: float) -> None:
        self._sleep(self._remaining(seconds))

    def _remaining(self, at_most: float) -> float:
        """The time that is left, or StillWorking."""
        if self._deadline is None or self._timeout is None:
            return at_most
        left = self._deadline - self._clock()
        if left <= 0:
            raise StillWorking(self._job, self._status, self._timeout)
        return min(left, at_most)
