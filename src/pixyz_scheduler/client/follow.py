"""Carries out the moves of a Watch over a transport, and hands on what it tells."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from typing_extensions import assert_never

from pixyz_scheduler.client import protocol
from pixyz_scheduler.client.models import JobDetails
from pixyz_scheduler.client.transport import Transport
from pixyz_scheduler.client.watch import Ask, Listen, NextLine, Pause, Reply, Tell, Watch
from pixyz_scheduler.errors import Unavailable


def follow(transport: Transport, watch: Watch, *, sleep: Callable[[float], None]) -> Iterator[JobDetails]:
    """The changes of the watched job; the last one has ended."""
    moves = watch.moves()
    reply: Reply = None
    with ExitStack() as opened:
        stream = _EventStream(transport, watch.job_id, opened)
        while True:
            try:
                move = moves.send(reply)
            except StopIteration:
                return
            reply = None
            match move:
                case Tell():
                    yield move.details
                case Ask():
                    reply = _ask(transport, watch.job_id)
                case Pause():
                    sleep(move.seconds)
                case Listen():
                    reply = stream.open(move)
                case NextLine():
                    reply = stream.next_line()
                case _:
                    assert_never(move)


def _ask(transport: Transport, job_id: str) -> JobDetails | Unavailable:
    try:
        return transport.send(protocol.details(job_id))
    except Unavailable as away:
        return away


class _EventStream:
    """One event stream at a time; `opened` keeps it until the next, or the end."""

    def __init__(self, transport: Transport, job_id: str, opened: ExitStack) -> None:
        self._transport = transport
        self._path = protocol.events_path(job_id)
        self._opened = opened
        self._lines: Iterator[str] = iter(())

    def open(self, wanted: Listen) -> bool | Unavailable:
        self._opened.close()
        headers = {"accept": "text/event-stream"} | ({"last-event-id": wanted.last_id} if wanted.last_id else {})
        try:
            response = self._opened.enter_context(
                self._transport.stream(self._path, headers=headers, timeout=wanted.silence)
            )
        except Unavailable as away:
            return away
        offered = str(response.headers.get("content-type", "")).startswith("text/event-stream")
        if offered:
            self._lines = response.iter_lines()
        else:
            self._opened.close()
        return offered

    def next_line(self) -> str | None:
        try:
            with self._transport.in_words():
                return next(self._lines, None)
        except Unavailable:
            return None
