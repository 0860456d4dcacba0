"""Vitals: whether a worker lives, and whether it takes jobs, in words."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from pixyz_scheduler.broker.farm import Worker
from pixyz_scheduler.errors import SchedulerError, StorageFull, StoreUnavailable
from pixyz_scheduler.monitoring.recent import Recent
from pixyz_scheduler.worker.activity import Activity
from pixyz_scheduler.worker.drain import Drain

_NO_STORE = "The store does not answer."


class Organ(Protocol):
    """A part with a thread of its own."""

    @property
    def goes_on(self) -> bool:
        """Whether that lives."""


class Vitals:
    """Asked by whoever comes to the door; any thread.

    A worker that drains, or whose store or share is away, lives: to start it again would not help, and end its jobs.

    Args:
        me: what it says of itself before it has started.
    """

    def __init__(self, me: Worker) -> None:
        self._organs: Mapping[str, Organ] = {}
        self._find: Callable[[], Mapping[str, str]] = _starting
        self._now: Callable[[], Worker] = lambda: me
        self._is_heard: Callable[[], bool | None] = lambda: None

    @contextmanager
    def watching(
        self,
        now: Callable[[], Worker],
        *,
        organs: Mapping[str, Organ],
        is_heard: Callable[[], bool],
        find: Callable[[], Mapping[str, str]],
    ) -> Iterator[None]:
        """The worker has started, and goes on until this is left.

        Args:
            now: what it says of itself.
            organs: what it cannot live without, by a word.
            is_heard: whether the store took what it said last.
            find: what else keeps it from taking jobs, by part; empty where nothing does.
        """
        self._now, self._find, self._organs, self._is_heard = now, find, organs, is_heard
        try:
            yield
        finally:
            # From now on its parts end on purpose.
            self._organs, self._find = {}, _ending

    def now(self) -> Worker:
        """What it says of itself."""
        return self._now()

    def is_heard(self) -> bool | None:
        """Whether the store takes what it says; None before it has said anything."""
        return self._is_heard()

    def faults(self) -> Mapping[str, str]:
        """What of it has died; empty where it lives."""
        dead = [name for name, organ in self._organs.items() if not organ.goes_on]
        return {"worker": f"Ended is: {', '.join(dead)}. This worker must be started again."} if dead else {}

    def hindrances(self) -> Mapping[str, str]:
        """What keeps it from taking jobs; empty where nothing does."""
        silent = {"store": _NO_STORE} if self._is_heard() is False else {}
        return {**silent, **self._find(), **self.faults()}


def hindrances_of(drain: Drain, activity: Activity, *, check: Callable[[], None]) -> Callable[[], Mapping[str, str]]:
    """What keeps a worker from taking jobs that has started and is heard.

    Args:
        drain: how it leaves.
        activity: how many jobs it has done.
        check: raises what is wrong with the share or a disk; may hang, as a share does.
    """
    look = Recent(lambda: _around(check))

    def find() -> Mapping[str, str]:
        found = {}
        if drain.leaving.is_set():
            found["worker"] = "It is leaving."
        elif activity.is_over:
            found["worker"] = "It has done as many jobs as it does in its life (MAX_TASKS_BEFORE_SHUTDOWN)."
        try:
            return {**found, **look.get()}
        except TimeoutError:
            return {**found, "share": "It does not answer."}

    return find


def _around(check: Callable[[], None]) -> Mapping[str, str]:
    try:
        check()
    except StoreUnavailable:
        # Its own words name an address, and who asks has shown no key.
        return {"store": _NO_STORE}
    except StorageFull as error:
        return {"space": str(error)}
    except (SchedulerError, OSError) as error:
        return {"share": str(error)}
    return {}


def _starting() -> Mapping[str, str]:
    return {"worker": "It has not started yet."}


def _ending() -> Mapping[str, str]:
    return {"worker": "It has ended."}
