"""StoreFaults: what happens to the store, to the network before it, and to the doorbells in it."""

import time
from collections.abc import Callable, Mapping

import redis

from pixyz_scheduler.broker.celery_app import make_celery
from pixyz_scheduler.broker.dispatch import CeleryDispatch, bell_key
from pixyz_scheduler.broker.records import Bell
from pixyz_scheduler.jobs.job import JobId
from tests.chaos.breakage import Breakage
from tests.chaos.facts import Fault
from tests.chaos.load import Load
from tests.chaos.plans import PRIORITIES
from tests.chaos.proxy import Mode, Proxies
from tests.chaos.store import ChaosStore

STORE = "store"
"""The target of its faults."""

_QUEUES = ("cpu", "gpuhigh")


class StoreFaults:
    """Each of `deeds` answers whether it could be done.

    Args:
        breakage: keeps the account.
        store: is hit.
        proxies: of the members' links.
        load: whose jobs are rung for again.
        client: of the store, past every proxy.
    """

    def __init__(
        self, breakage: Breakage, store: ChaosStore, proxies: Proxies, load: Load, client: "redis.Redis"
    ) -> None:
        self._breakage = breakage
        self._store = store
        self._proxies = proxies
        self._load = load
        self._dice = breakage.dice
        self._client = client
        celery = make_celery(broker_url=store.url, result_backend=store.url)
        self._bells = CeleryDispatch(celery, self._client)

    @property
    def deeds(self) -> Mapping[str, Callable[[], bool]]:
        """By kind."""
        store = self._store
        return {
            **{mode.value: self._spoiler(mode) for mode in Mode if mode is not Mode.OK},
            "store killed": lambda: self.kill("store killed"),
            "store stopped": lambda: self._disturb("store stopped", store.suspend, store.resume),
            "store read-only": lambda: self._disturb("store read-only", store.refuse_writes, store.take_writes),
            "store out of memory": lambda: self._disturb("store out of memory", store.starve, store.feed),
            "bell doubled": self._double_bell,
            "bell lost": self._lose_bell,
        }

    def _spoiler(self, mode: Mode) -> Callable[[], bool]:
        def spoil() -> bool:
            member = self._breakage.one_to_spoil()
            if member is None:
                return False
            lasts = self._dice.choice((0.1, 0.5, 1.5)) * self._dice.uniform(0.5, 1.5) * self._breakage.lease
            self._breakage.busy.add(member.name)
            self._proxies.spoil(member.link, mode, delay=self._dice.uniform(0.05, 0.6) * self._breakage.scale)

            def heal() -> None:
                self._proxies.spoil(member.link, Mode.OK)
                self._breakage.busy.discard(member.name)

            self._breakage.later(lasts, heal)
            return self._breakage.note(mode.value, member.name, lasts=lasts)

        return spoil

    def kill(self, kind: str) -> bool:
        """Kill -9, and start it again a while later; False where it is disturbed already."""
        lasts = self._dice.uniform(0, 6) * self._breakage.scale
        return self._disturb(kind, self._store.kill, self._store.start, lasts=lasts)

    def _disturb(
        self, kind: str, begin: Callable[[], None], end: Callable[[], None], *, lasts: float | None = None
    ) -> bool:
        if STORE in self._breakage.busy:
            return False
        self._breakage.busy.add(STORE)
        began = time.time()
        begin()

        def heal() -> None:
            end()
            self._breakage.faults.append(Fault(kind, STORE, began, time.time()))
            # Time to recover, else nothing ever runs.
            self._breakage.later(self._breakage.lease + 1, lambda: self._breakage.busy.discard(STORE))

        self._breakage.later(self._dice.uniform(0.1, 2) * self._breakage.lease if lasts is None else lasts, heal)
        return True

    def _double_bell(self) -> bool:
        """The message that waits, once more; where none waits, one for a job that runs or has ended."""
        queue, priority = self._dice.choice(_QUEUES), self._dice.choice(PRIORITIES)
        key = bell_key(queue, priority)
        if STORE in self._breakage.busy:
            return False
        try:
            message = self._client.lindex(key, self._dice.choice((0, -1)))
            if message:
                self._client.lpush(key, message)
                return self._breakage.note("bell doubled", key)
        except redis.RedisError:  # it recovers still
            return False
        jobs = self._load.open_jobs or [final.job_id for final in self._load.finals[-50:]]
        if not jobs:
            return False
        self._bells.ring(Bell(JobId(self._dice.choice(jobs)), queue, priority))
        return self._breakage.note("bell doubled", key)

    def _lose_bell(self) -> bool:
        queue, priority = self._dice.choice(_QUEUES), self._dice.choice(PRIORITIES)
        key = bell_key(queue, priority)
        if STORE in self._breakage.busy:
            return False
        try:
            return self._client.rpop(key) is not None and self._breakage.note("bell lost", key)
        except redis.RedisError:  # likewise
            return False
