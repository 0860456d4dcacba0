"""Doorbells: a worker's ears: a thread a slot, and of those that are free one that listens on the queues.

Keys: `<queue>` and `<queue>:<priority>`, see broker/dispatch.py. Who takes a message answers for it; one that is lost
with its worker is rung again by a sweeper.
"""

import itertools
import json
import logging
import threading
from collections.abc import Callable
from typing import Protocol, cast

import redis
from typing_extensions import Self

from pixyz_scheduler.broker.celery_app import EXECUTE
from pixyz_scheduler.broker.connection import store_errors
from pixyz_scheduler.broker.dispatch import bell_key, queue_of
from pixyz_scheduler.broker.farm import Worker
from pixyz_scheduler.broker.records import PRIORITIES
from pixyz_scheduler.errors import SchedulerError, StoreUnavailable
from pixyz_scheduler.jobs.job import JobId, parse_job_id
from pixyz_scheduler.logs import Trouble

_log = logging.getLogger(__name__)

# Seconds that the server is asked to wait for a message; `wake` ends it before.
_LISTEN = 3
# Who begins to listen as it is woken is woken again.
_WAKE_EACH = 0.2
# Until a store that is away is asked again.
_PAUSE = 0.5
# For each slot; what is lent again and again has an end.
_MOST_LENT = 64


class Answer(Protocol):
    """Whoever answers doorbells."""

    def __call__(self, job_id: JobId, *, queue: str) -> object:
        """Answer one; raises nothing that is expected."""


class Doorbells:
    """Hears doorbells and has them answered; a context manager, on leaving which those under answer are waited for.

    Args:
        client: with a timeout for answers that is longer than the server is asked to wait.
        unblocker: any other client of that server.
        me: where it listens, and how many it answers at a time.
        answer: called in a thread of its own.
        is_wanted: whether any more are to be heard; once not, never again.
        lent: how many more may be answered at a time.
    """

    def __init__(
        self,
        client: "redis.Redis",
        unblocker: "redis.Redis",
        me: Worker,
        *,
        answer: Answer,
        is_wanted: Callable[[], bool],
        lent: Callable[[], int] = lambda: 0,
    ) -> None:
        self._client = client
        self._unblocker = unblocker
        self._me = me
        self._queues = list(me.queues)
        self._answer = answer
        self._is_wanted = is_wanted
        self._lent = lent
        self._ear = threading.Lock()
        self._ear_id: int | None = None
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._closing = threading.Event()
        self._trouble = Trouble(_log, "no doorbell is heard")

    def more(self) -> None:
        """A slot was lent: one more may be at work. From any thread."""
        with self._lock:
            while len(self._threads) < self._most and not self._closing.is_set():
                thread = threading.Thread(target=self._serve, name="slot", daemon=True)
                self._threads.add(thread)
                thread.start()

    def listen_on(self, queue: str) -> None:
        """On this queue too; from any thread."""
        with self._lock:
            self._queues = [*(name for name in self._queues if name != queue), queue]
        self.wake()

    def leave(self, queue: str) -> None:
        """No more on this queue; from any thread."""
        with self._lock:
            self._queues = [name for name in self._queues if name != queue]
        self.wake()

    def wake(self) -> None:
        """Have who listens look whether that is wanted still; from any thread, and never in vain for long."""
        if (ear_id := self._ear_id) is None:
            return
        try:
            self._unblocker.client_unblock(ear_id)
        except redis.RedisError as error:  # it looks by itself
            _log.debug("the listener is not woken: %s", error)

    def __enter__(self) -> Self:
        self.more()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        while threads := self._running():
            self.wake()
            threads[0].join(_WAKE_EACH)

    @property
    def goes_on(self) -> bool:
        """Whether every thread of it lives that has not left on purpose."""
        with self._lock:
            return all(thread.is_alive() for thread in self._threads)

    @property
    def _most(self) -> int:
        return min(self._me.slots + self._lent(), self._me.slots * _MOST_LENT)

    def _running(self) -> list[threading.Thread]:
        with self._lock:
            return [thread for thread in self._threads if thread.is_alive()]

    def _serve(self) -> None:
        while not self._leaves():
            heard = self._hear()
            if heard is None:
                continue
            job_id, queue = heard
            try:
                self._answer(job_id, queue=queue)
            except Exception:  # noqa: BLE001  (whatever it is: the next job has nothing to do with it)
                _log.exception("the doorbell of job %s could not be answered", job_id)

    def _leaves(self) -> bool:
        """Whether this thread is one too many, or all are to go."""
        with self._lock:
            if self._closing.is_set() or len(self._threads) > self._most:
                self._threads.discard(threading.current_thread())
                return True
        return False

    def _hear(self) -> tuple[JobId, str] | None:
        """The next doorbell; None where there was none for a while."""
        with self._ear:
            if self._closing.is_set():
                return None
            if not self._is_wanted():
                self._closing.wait()
                return None
            try:
                heard = self._listen()
            except StoreUnavailable as error:
                self._ear_id = None
                self._trouble.met(error)
                self._closing.wait(_PAUSE)
                return None
            self._trouble.passed()
        return None if heard is None else self._read(*heard)

    def _listen(self) -> tuple[str, str] | None:
        """The list that a message lay in, and its text."""
        lists = [bell_key(queue, priority) for priority, queue in itertools.product(range(PRIORITIES), self._queues)]
        if not lists:
            self._closing.wait(_PAUSE)
            return None
        with store_errors():
            if self._ear_id is None:
                self._ear_id = int(self._client.client_id())
            return cast("tuple[str, str] | None", self._client.brpop(lists, timeout=_LISTEN))

    def _read(self, place: str, text: str) -> tuple[JobId, str] | None:
        queue = queue_of(place)
        with self._lock:
            # Of queues with messages of one priority each has its turn.
            if queue in self._queues:
                self._queues = [*(name for name in self._queues if name != queue), queue]
        try:
            return _job_of(text), queue
        except (ValueError, KeyError, TypeError, SchedulerError) as error:
            _log.error("a message on queue %s is no doorbell, and is dropped: %s", queue, error)
            return None


def _job_of(text: str) -> JobId:
    """Whose doorbell a message is."""
    headers = json.loads(text)["headers"]
    if headers["task"] != EXECUTE:
        raise ValueError(f"it asks for the task {headers['task']}")
    return parse_job_id(headers["id"])
