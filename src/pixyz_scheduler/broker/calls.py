"""Calls: a worker hears at once of a cancel, which the next renewal would tell it all the same."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import redis
from typing_extensions import Self

from pixyz_scheduler.jobs.job import JobId

_log = logging.getLogger(__name__)

_LISTEN = 1.0
# A connection that a firewall has forgotten is noticed by a question without an answer.
_ASK_EACH = 5
_PAUSE = 1.0


class Calls:
    """A thread that listens on `ps:ctl:<worker>`; a context manager. What it misses comes by renewal.

    Args:
        client: of its own.
        worker: whose calls.
        on_call: called with each id.
    """

    def __init__(self, client: "redis.Redis", worker: str, on_call: Callable[[JobId], None]) -> None:
        self._client = client
        self._channel = f"ps:ctl:{worker}"
        self._on_call = on_call
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="calls", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._try()

    def _try(self) -> None:
        try:
            with self._pubsub() as calls:
                calls.subscribe(self._channel)
                self._listen(calls)
        except (redis.RedisError, OSError) as error:
            _log.debug("calls not heard: %s", error)
            self._closing.wait(_PAUSE)

    def _pubsub(self) -> Any:
        return self._client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis-py has none

    def _listen(self, calls: Any) -> None:
        silent = 0
        while not self._closing.is_set():
            message = calls.get_message(timeout=_LISTEN)
            silent = 0 if message else silent + 1
            if message and message["type"] == "message":
                self._on_call(JobId(message["data"]))
            elif silent == _ASK_EACH:
                calls.ping()
            elif silent > _ASK_EACH + 1:
                raise redis.ConnectionError("no answer to a ping")
