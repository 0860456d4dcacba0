"""What the client's logic stands on: a Wire. The logic is written once, as coroutines, for both clients.

Over a blocking Wire (`transport.Transport`) no coroutine ever waits, so `at_once` runs it to its end without an
event loop; over `async_transport.AsyncTransport` the user's own loop runs it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Protocol, TypeVar, cast

from pixyz_scheduler.client.parsing import Answer
from pixyz_scheduler.client.protocol import Call

T = TypeVar("T")

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes that are there, and with those there will be (None where nobody says)."""


class Body(Protocol):
    """An answer that is read piece by piece."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By names in lower case."""

    @property
    def is_success(self) -> bool:
        """Whether the server did what was asked."""

    async def whole(self) -> Answer:
        """The answer, read to its end."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, as they come."""

    def lines(self) -> AsyncIterator[str]:
        """The lines, as they come."""


class Listeners:
    """Event streams of one Wire; each holds a connection, and there must be some left to ask with."""

    MOST = 50

    def __init__(self) -> None:
        self._count = 0

    def enter(self, until: AsyncExitStack) -> bool:
        """Whether there is room for one more; it counts until the stack is closed."""
        if self._count >= self.MOST:
            return False
        self._count += 1
        until.callback(self._leave)
        return True

    def _leave(self) -> None:
        self._count -= 1


class Wire(Protocol):
    """A connection to one scheduler, and the two things that take time on this machine."""

    @property
    def url(self) -> str:
        """Where the scheduler is."""

    @property
    def listeners(self) -> Listeners:
        """Its event streams."""

    async def send(self, call: Call[T], *, on_bytes: OnBytes | None = None) -> T:
        """Send the call; its value, or its error. `on_bytes` hears how much of its files has gone."""

    def stream(
        self, path: str, *, query: Mapping[str, str] | None, headers: Mapping[str, str], silence: float | None
    ) -> AbstractAsyncContextManager[Body]:
        """GET a body piece by piece; `silence` bounds the seconds between two pieces."""

    def now(self) -> float:
        """Seconds from any start, never going back."""

    async def pause(self, seconds: float) -> None:
        """Let so much time pass."""

    async def aside(self, work: Callable[[], T]) -> T:
        """Do what blocks on this machine (a file to be written) where it holds up nobody."""


def at_once(story: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits: one over a blocking Wire."""
    try:
        story.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    story.close()
    raise RuntimeError("this coroutine waits for something: it needs an event loop")


def one_by_one(source: AsyncGenerator[T, None]) -> Iterator[T]:
    """The values of an async generator that never waits."""
    try:
        while True:
            try:
                value = at_once(source.__anext__())
            except StopAsyncIteration:
                return
            yield value
    finally:
        at_once(source.aclose())
