"""News: an event loop hears at once which of the jobs that it follows have changed.

Channel: ps:tell:<id>, on which a record's scripts publish an empty word at each change of its state or progress.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import redis.asyncio

from pixyz_scheduler.jobs.job import JobId

_log = logging.getLogger(__name__)

_CHANNEL = "ps:tell:"
_LISTEN = 5.0
_PAUSE = 1.0


class News:
    """One connection for all jobs that are followed, held while there are any; of one event loop.

    What it misses while the server is away it does not hear later: `on_news` is called for every job that is followed
    once it listens again.

    Args:
        url: of the server.
        timeout: seconds for a connection, and for an answer to a ping.
        on_news: called with the id of a job that has changed, or may have.
    """

    def __init__(self, url: str, *, timeout: float, on_news: Callable[[JobId], None]) -> None:
        self._client: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
            url, decode_responses=True, socket_connect_timeout=timeout
        )
        self._timeout = timeout
        self._on_news = on_news
        self._wanted: dict[JobId, asyncio.Event] = {}
        self._listening: asyncio.Task[None] | None = None
        self._line: Any = None  # redis-py gives its PubSub no types

    async def want(self, job_id: JobId) -> None:
        """Listen for this job too; back once that is so, or the server has been silent."""
        heard = self._wanted.setdefault(job_id, asyncio.Event())
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen())
        elif self._line is not None and not heard.is_set():
            await self._say("subscribe", job_id)
        try:
            await asyncio.wait_for(heard.wait(), self._timeout)
        except asyncio.TimeoutError:
            _log.debug("no news of job %s for now: who follows it asks", job_id)

    async def forget(self, job_id: JobId) -> None:
        """Nobody follows it any more."""
        if self._wanted.pop(job_id, None) is not None and self._line is not None:
            await self._say("unsubscribe", job_id)

    async def close(self) -> None:
        """Let the connection go."""
        self._wanted.clear()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self._client.aclose()

    async def _say(self, word: str, job_id: JobId) -> None:
        try:
            await getattr(self._line, word)(_CHANNEL + job_id)
        except (redis.RedisError, OSError) as error:
            # Who listens meets it too, and begins anew.
            _log.debug("news not asked for: %s", error)

    async def _listen(self) -> None:
        while self._wanted:
            try:
                async with self._client.pubsub() as line:
                    first = set(self._wanted)
                    await line.subscribe(*(_CHANNEL + job_id for job_id in first))
                    self._line = line
                    if later := self._wanted.keys() - first:
                        await line.subscribe(*(_CHANNEL + job_id for job_id in later))
                    await self._hear(line)
            except (redis.RedisError, OSError) as error:  # noqa: PERF203  (that is the loop's purpose)
                _log.debug("news not heard: %s", error)
                await asyncio.sleep(_PAUSE)
            finally:
                self._line = None
                for heard in self._wanted.values():
                    heard.clear()

    async def _hear(self, line: Any) -> None:
        """As long as anybody follows a job, and some seconds more."""
        silent = False
        while True:
            message = await line.get_message(timeout=self._timeout if silent else _LISTEN)
            if message is None:
                if not self._wanted:
                    return
                if silent:
                    raise redis.ConnectionError("no answer to a ping")
                # A connection that a firewall has forgotten is noticed by a question without an answer.
                await line.ping()
                silent = True
                continue
            silent = False
            if message["type"] in {"subscribe", "message"}:
                self._tell(JobId(message["channel"].removeprefix(_CHANNEL)), is_new=message["type"] == "subscribe")

    def _tell(self, job_id: JobId, *, is_new: bool) -> None:
        heard = self._wanted.get(job_id)
        if heard is None:
            return
        if is_new:
            heard.set()
        self._on_news(job_id)
