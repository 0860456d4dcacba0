"""What to do next to follow a job to its end: by the server's events where it offers them, else by asking again.

Pure but for the clock that comes in: a Watch says its moves and is told the replies. Who carries them out, sync or
async, needs no thought of his own (see `follow`).
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from pixyz_scheduler.client import protocol
from pixyz_scheduler.client.errors import StillWorking
from pixyz_scheduler.client.models import JobDetails, JobRef
from pixyz_scheduler.client.pace import WATCHING
from pixyz_scheduler.client.sse import EventLines
from pixyz_scheduler.errors import Unavailable

SILENCE = 30.0
"""Seconds without a line (the server's pings count) after which an event stream is opened anew."""
RECONNECT = 1.0


@dataclass(frozen=True)
class Ask:
    """Get the job's details. Reply: them, or the Unavailable that came instead."""


@dataclass(frozen=True)
class Tell:
    """Something has changed: hand it to the user. No reply."""

    details: JobDetails


@dataclass(frozen=True)
class Missing:
    """The server is away and will be asked again: told once an outage. No reply."""

    reason: Unavailable


@dataclass(frozen=True)
class Pause:
    """Let so much time pass. No reply."""

    seconds: float


@dataclass(frozen=True)
class Listen:
    """Open the event stream, and let go of the one before. Reply: whether there is one, or an Unavailable."""

    last_id: str | None
    silence: float


@dataclass(frozen=True)
class NextLine:
    """Read a line of the event stream. Reply: the line, or None where the stream ends or breaks."""


Move = Ask | Tell | Missing | Pause | Listen | NextLine
Reply = JobDetails | Unavailable | bool | str | None
Moves = Generator[Move, Reply, bool]
"""Moves that come to know whether the job has ended."""


class Watch:
    """The watching of one job.

    A server that is away, at first or later, is given `patience` seconds to come back; StillWorking after `timeout`.
    """

    def __init__(self, job: JobRef, *, timeout: float | None, patience: float, clock: Callable[[], float]) -> None:
        self.job_id = protocol.job_id(job)
        self._timeout = timeout
        self._patience = patience
        self._clock = clock
        self._deadline = None if timeout is None else clock() + timeout
        self._seen: JobDetails | None = None

    def moves(self) -> Generator[Move, Reply, None]:
        """The moves, up to the Tell of the job's end."""
        if (yield from self._look()) or (yield from self._listen()):
            return
        yield from self._keep_asking()

    def _listen(self) -> Moves:
        lines = EventLines()
        while True:
            offered = yield Listen(lines.last_id, self._remaining(SILENCE))
            if offered is False:
                return False
            if offered is True and (yield from self._hear(lines)):
                return True
            yield Pause(self._remaining(RECONNECT))
            if (yield from self._look()):
                return True

    def _hear(self, lines: EventLines) -> Moves:
        if (yield from self._look()):  # what happened while the stream was being opened
            return True
        while isinstance(line := (yield NextLine()), str):
            self._remaining(SILENCE)
            # An event is a doorbell. What it carries may be older than what we have asked meanwhile, and
            # progress that goes back is a lie.
            if lines.feed(line) is not None and (yield from self._look()):
                return True
        return False

    def _keep_asking(self) -> Moves:
        unchanged = 0
        while True:
            before = self._seen
            yield Pause(self._remaining(WATCHING.after(unchanged)))
            if (yield from self._look()):
                return True
            unchanged = unchanged + 1 if self._seen == before else 0

    def _look(self) -> Moves:
        details = yield from self._ask()
        if details != self._seen:
            self._seen = details
            yield Tell(details)
        return details.ended

    def _ask(self) -> Generator[Move, Reply, JobDetails]:
        tries, since = 0, self._clock()
        while True:
            reply = yield Ask()
            if isinstance(reply, JobDetails):
                return reply
            if isinstance(reply, Unavailable):
                if self._clock() - since >= self._patience:
                    raise reply
                if not tries:
                    yield Missing(reply)
            yield Pause(self._remaining(WATCHING.after(tries)))
            tries += 1

    def _remaining(self, at_most: float) -> float:
        """The time that is left, or StillWorking."""
        if self._deadline is None or self._timeout is None:
            return at_most
        left = self._deadline - self._clock()
        if left <= 0:
            raise StillWorking(self.job_id, self._seen.status if self._seen else "PENDING", self._timeout)
        return min(left, at_most)
