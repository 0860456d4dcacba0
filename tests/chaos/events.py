"""EventReader: reads the stream of state changes as it grows, past every proxy, whatever happens to the store."""

import threading
from typing import Any, cast

import redis
from typing_extensions import Self

from tests.chaos.facts import Event, Hold
from tests.chaos.store import ChaosStore

_BLOCK_MS = 300
_PAUSE = 0.05
_START = "0-0"


class EventReader:
    """A thread that reads; a context manager that ends it.

    Attributes:
        events: so far.
        holds: who held what; now and then one is missed, where the attempt ended before we asked.
        parents: of sub-tasks, by their ids; now and then one is missed.
        gaps: how often the stream's oldest entry was newer than our last: what lay between is unknown.
    """

    def __init__(self, store: ChaosStore) -> None:
        self.events: list[Event] = []
        self.holds: dict[tuple[str, int], Hold] = {}
        self.parents: dict[str, str] = {}
        self.gaps = 0
        self._store = store
        self._last = _START
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        client = self._store.client(timeout=1.0)
        while not self._over.is_set():
            try:
                self._read(client)
            except redis.RedisError:  # noqa: PERF203  (it is down, asleep or loading: that is the idea)
                self._over.wait(_PAUSE)
        client.close()

    def _read(self, client: "redis.Redis") -> None:
        answer = cast("list[Any]", client.xread({"ps:ev": self._last}, block=_BLOCK_MS, count=1000))
        entries = [entry for _, some in answer for entry in some]
        if not entries:
            return
        if self._last != _START and not client.xrange("ps:ev", max=self._last, count=1):
            self.gaps += 1
        new = [_event(fields) for _, fields in entries]
        self._look(client, [event for event in new if event.state in ("SENT", "STARTED")])
        self.events += new
        self._last = entries[-1][0]

    def _look(self, client: "redis.Redis", begun: list[Event]) -> None:
        pipeline = client.pipeline(transaction=False)
        for event in begun:
            pipeline.hmget(f"ps:job:{event.job_id}", "parent", "epoch", "owner", "fence")
        for event, (parent, epoch, owner, fence) in zip(begun, pipeline.execute(), strict=True):
            if parent:
                self.parents[event.job_id] = parent
            if fence and event.state == "STARTED" and int(epoch) == event.epoch:
                self.holds[event.job_id, event.epoch] = Hold(event.job_id, event.epoch, owner, fence)


def _event(fields: dict[str, str]) -> Event:
    return Event(fields["id"], fields["state"], int(fields["epoch"]), float(fields["at"]))
