"""Farm: the living workers, as they say it themselves; announced again and again, believed for a lease's time."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from typing_extensions import Self

from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.broker.scripts import in_ms
from pixyz_scheduler.errors import StoreUnavailable
from pixyz_scheduler.logs import Trouble

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Worker:
    """A worker that lives.

    Attributes:
        name: as in records and logs.
        queues: where it listens.
        slots: jobs at a time.
        busy: jobs it runs now.
        host: the machine's name.
        pid: of its process, there.
        version: of the program.
        started: epoch seconds.
        trouble: why it takes no jobs now; empty where it does.
        draining: it is leaving.
        clock: epoch seconds by its machine's clock, when it said all this; 0 where it does not say.
        share: the id of the share that it sees, or in words why it sees none; empty where it does not say.
    """

    name: str
    queues: tuple[str, ...]
    slots: int
    host: str
    pid: int
    version: str
    started: float
    busy: int = 0
    trouble: str = ""
    draining: bool = False
    clock: float = 0.0
    share: str = ""

    def to_wire(self) -> dict[str, str]:
        """Text by text, as a hash keeps it."""
        return {
            **{name: str(value) for name, value in vars(self).items() if name != "name"},
            "queues": ",".join(self.queues),
            "draining": "1" if self.draining else "",
        }

    @classmethod
    def from_wire(cls, name: str, values: Mapping[str, str]) -> "Worker":
        """The other way."""
        return cls(
            name=name,
            queues=tuple(filter(None, values.get("queues", "").split(","))),
            slots=int(values.get("slots") or 1),
            host=values.get("host", ""),
            pid=int(values.get("pid") or 0),
            version=values.get("version", ""),
            started=float(values.get("started") or 0.0),
            busy=int(values.get("busy") or 0),
            trouble=values.get("trouble", ""),
            draining=values.get("draining") == "1",
            clock=float(values.get("clock") or 0.0),
            share=values.get("share", ""),
        )


class Farm:
    """The living workers of one store."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records

    def workers(self) -> tuple[Worker, ...]:
        """All that live, by name."""
        found = [(name, dict(zip(row[::2], row[1::2], strict=True))) for name, row in self._records.run("workers")]
        return tuple(Worker.from_wire(name, values) for name, values in sorted(found) if values)

    def announce(self, worker: Worker) -> bool:
        """It lives, and is as it says; whether somebody wants it to leave."""
        return self._say(worker, self._records.pace.lease)

    def drain(self, name: str) -> bool:
        """Have a worker leave, wherever it runs: it hears of it within seconds. False where no such worker lives."""
        return bool(self._records.run("drain", name))

    def withdraw(self, worker: Worker) -> None:
        """It goes."""
        self._say(worker, 0)

    def _say(self, worker: Worker, ttl: float) -> bool:
        fields = [text for pair in worker.to_wire().items() for text in pair]
        return bool(self._records.run("announce", worker.name, in_ms(ttl), len(worker.queues), *worker.queues, *fields))


class Announcer:
    """A thread that announces one worker until it goes; a context manager.

    Args:
        farm: on a connection of its own.
        now: what the worker says of itself at this moment.
        each: seconds between two announcements.

    Attributes:
        is_heard: the store took the last one.
        on_drain: called once, when somebody wants the worker to leave.
    """

    def __init__(self, farm: Farm, now: Callable[[], Worker], *, each: float) -> None:
        self._farm = farm
        self._now = now
        self._each = each
        self.is_heard = False
        self.on_drain: Callable[[], None] = _nobody
        self._was_told = False
        # Every worker says by this that the store went away, and came back: once.
        self._silence = Trouble(_log, "this worker works on nothing new")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    @property
    def goes_on(self) -> bool:
        """Whether its thread lives."""
        return self._thread.is_alive()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()
        with suppress(StoreUnavailable):  # then it is forgotten after a while
            self._farm.withdraw(self._now())

    def _run(self) -> None:
        while True:
            self._try()
            if self._closing.wait(self._each):
                return

    def _try(self) -> None:
        try:
            shall_leave = self._farm.announce(self._now())
        except StoreUnavailable as error:
            self.is_heard = False
            self._silence.met(error)
        except Exception:  # noqa: BLE001  (whatever it is: without this thread jobs are said to have no worker)
            self.is_heard = False
            _log.exception("not announced")
        else:
            self.is_heard = True
            self._silence.passed()
            if shall_leave and not self._was_told:
                self._was_told = True
                self.on_drain()


def _nobody() -> None:
    """Nobody is told."""
