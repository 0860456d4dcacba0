"""The Wire that waits: carries calls over HTTP with httpx in the user's event loop."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx

from pixyz_scheduler.client import protocol, words
from pixyz_scheduler.client.parsing import Answer
from pixyz_scheduler.client.protocol import Call
from pixyz_scheduler.client.wire import Listeners, OnBytes

T = TypeVar("T")


class AsyncTransport:
    """A connection to one scheduler."""

    def __init__(self, url: str, token: str | None, *, timeout: float, clock: Callable[[], float]) -> None:
        self.url = protocol.address(url)
        self.listeners = Listeners()
        self._timeout = timeout
        self._clock = clock
        self._http = httpx.AsyncClient(**words.settings(self.url, token, timeout=timeout))

    async def send(self, call: Call[T], *, on_bytes: OnBytes | None = None) -> T:
        """Send the call; its value, or its error."""
        with words.in_words(self.url, self._timeout), words.request(call, on_bytes) as request:
            response = await self._http.request(**request)
        return call.read(words.answer(response), self.url)

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str] | None, headers: Mapping[str, str], silence: float | None
    ) -> AsyncIterator["_Body"]:
        """GET a body piece by piece."""
        bounds = words.bounds(self._timeout, silence)
        with words.in_words(self.url, self._timeout):
            async with self._http.stream("GET", path, params=query, headers=headers, timeout=bounds) as response:
                yield _Body(response, self.url, silence or self._timeout)

    def now(self) -> float:
        """Seconds of the clock."""
        return self._clock()

    async def pause(self, seconds: float) -> None:
        """Let the loop go on with others."""
        import asyncio  # lazy: it costs 40 ms, and the blocking client needs none

        await asyncio.sleep(seconds)

    async def aside(self, work: Callable[[], T]) -> T:
        """Do it in a thread."""
        import asyncio  # lazy: it costs 40 ms, and the blocking client needs none

        return await asyncio.to_thread(work)

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()


class _Body:
    """An answer that is read piece by piece."""

    def __init__(self, response: httpx.Response, url: str, silence: float) -> None:
        self.status = response.status_code
        self.is_success = response.is_success
        self.headers = words.headers(response)
        self._response = response
        self._url = url
        self._silence = silence

    async def whole(self) -> Answer:
        with words.in_words(self._url, self._silence):
            await self._response.aread()
        return words.answer(self._response)

    async def chunks(self) -> AsyncIterator[bytes]:
        with words.in_words(self._url, self._silence):
            async for chunk in self._response.aiter_bytes():
                yield chunk

    async def lines(self) -> AsyncIterator[str]:
        with words.in_words(self._url, self._silence):
            async for line in self._response.aiter_lines():
                yield line
