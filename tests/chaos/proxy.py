"""Proxies: a TCP proxy for each member of the farm, whose network can be spoiled; all of them in one event loop."""

import asyncio
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from typing_extensions import Self

_CHUNK = 64 * 1024


class Mode(str, Enum):
    """What a link does with what it is sent."""

    OK = "ok"
    BLACK_HOLE = "black hole"
    """Connections stay open and carry nothing; what was sent arrives when it is healed, as in a real network."""
    REFUSE = "refuse"
    """Connections are reset, new ones too."""
    DELAY = "delay"
    NO_ANSWERS = "no answers"
    """Requests arrive, answers do not."""
    NO_REQUESTS = "no requests"

    @property
    def carries_requests(self) -> bool:
        """Whether what the member sends arrives."""
        return self in (Mode.OK, Mode.DELAY, Mode.NO_ANSWERS)

    @property
    def carries_answers(self) -> bool:
        """Whether what the store sends arrives."""
        return self in (Mode.OK, Mode.DELAY, Mode.NO_REQUESTS)


@dataclass(eq=False)
class Link:
    """One member's way to the store.

    Attributes:
        port: that the member connects to, on the loopback.
        mode: what it does now.
        delay: seconds that each packet waits in the mode DELAY.
    """

    port: int = 0
    mode: Mode = Mode.OK
    delay: float = 0.0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    connections: set[asyncio.StreamWriter] = field(default_factory=set)


class Proxies:
    """The event loop of all links, in a thread; a context manager.

    Args:
        target: the store's port on the loopback.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)

    def link(self) -> Link:
        """A new link, that works."""
        return asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()

    def spoil(self, link: Link, mode: Mode, *, delay: float = 0.0) -> None:
        """Put a link into a mode; `Mode.OK` heals it."""
        asyncio.run_coroutine_threadsafe(self._set(link, mode, delay), self._loop).result()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> Link:
        link = Link()
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        link.port = listener.getsockname()[1]
        serve = partial(self._serve, link)
        self._servers.append(await asyncio.start_server(serve, sock=listener))
        return link

    async def _set(self, link: Link, mode: Mode, delay: float) -> None:
        async with link.changed:
            link.mode, link.delay = mode, delay
            link.changed.notify_all()
        if mode is Mode.REFUSE:
            for writer in list(link.connections):
                _reset(writer)

    async def _serve(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link.connections.add(writer)
        try:
            async with link.changed:
                await link.changed.wait_for(lambda: link.mode.carries_requests or link.mode is Mode.REFUSE)
            if link.mode is Mode.REFUSE:
                return
            there, onward = await asyncio.open_connection("127.0.0.1", self._target)
            try:
                up = asyncio.ensure_future(_pump(link, reader, onward, requests=True))
                down = asyncio.ensure_future(_pump(link, there, writer, requests=False))
                _, pending = await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
                for task in pending:
                    task.cancel()
                await asyncio.wait((up, down))
            finally:
                _reset(onward)
        except (OSError, asyncio.CancelledError):
            # The store is down, or we end: the member sees its connection close.
            return
        finally:
            link.connections.discard(writer)
            _reset(writer)

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(link: Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, requests: bool) -> None:
    def carries() -> bool:
        return link.mode.carries_requests if requests else link.mode.carries_answers

    with suppress(OSError):
        while data := await source.read(_CHUNK):
            if link.mode is Mode.DELAY:
                await asyncio.sleep(link.delay)
            if not carries():
                async with link.changed:
                    await link.changed.wait_for(carries)
            sink.write(data)
            await sink.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, RuntimeError):
        writer.transport.abort()
