"""StoreWatch: every command that a store is sent, with its moment, by MONITOR."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import redis

from pixyz_scheduler.broker.embedded import EmbeddedStore


@dataclass(frozen=True)
class Command:
    """As the store was sent it, or as a script in it ran it; `at` in epoch seconds."""

    at: float
    text: str
    by_script: bool


@dataclass
class StoreWatch:
    """What came so far, in its order."""

    seen: list[Command] = field(default_factory=list)

    def of(self, job: str) -> list[Command]:
        """What clients sent that names this job."""
        return [command for command in list(self.seen) if not command.by_script and job in command.text]

    def wait(self, job: str, count: int, word: str) -> None:
        """Until so many of its commands begin so."""
        while sum(command.text.startswith(word) for command in self.of(job)) < count:
            time.sleep(0.001)


@contextmanager
def store_watch(store: EmbeddedStore) -> Iterator[StoreWatch]:
    """Watch until left."""
    watch = StoreWatch()
    with redis.Redis.from_url(store.store_url, socket_timeout=None) as client, client.monitor() as monitor:
        leaving = threading.Event()

        def read() -> None:
            # Closing the connection is the way out of a read without end.
            with suppress(redis.ConnectionError, OSError, ValueError):
                for told in monitor.listen():
                    watch.seen.append(Command(told["time"], told["command"], told["client_type"] == "lua"))
                    if leaving.is_set():
                        return

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            leaving.set()
            client.ping()
            thread.join()
