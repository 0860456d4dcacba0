"""LeaseKeeper: renews the leases of this worker's attempts, tells their progress, and hears what they must do."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from typing_extensions import Self

from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.jobs.attempt import Lease
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.outcome import Cancelled, Lost
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.logs import Trouble, about_job
from pixyz_scheduler.worker.supervisor import Stop

_log = logging.getLogger(__name__)

# At most 20 writes of progress a second for a job.
_TELL_EACH = 0.05
# And at most a tenth of our time, and so many bytes a second for a job.
_REST = 10
_BYTES_A_SECOND = 1 << 20


@dataclass
class Held:
    """One lease that is kept.

    Attributes:
        job_id: whose.
        lease: what to renew.
        tick: called after each renewal, with the monotonic moment when it was asked for.
        stop: called when the store says so.
        progress: what it was last told to tell; None once told.
        next_renewal: monotonic seconds.
        next_telling: likewise.
        trouble: what keeps it from being renewed.
    """

    job_id: JobId
    lease: Lease
    tick: Callable[[float], None]
    stop: Callable[[Stop], None]
    progress: Progress | None = None
    next_renewal: float = 0.0
    next_telling: float = 0.0
    trouble: Trouble = field(default_factory=lambda: Trouble(_log, "lease not renewed"))

    def take_progress(self) -> Progress | None:
        """What is to be told, once."""
        progress, self.progress = self.progress, None
        return progress

    def give_back(self, progress: Progress | None) -> None:
        """It could not be told; newer progress has come meanwhile, or this is told next."""
        if self.progress is None:
            self.progress = progress

    def due(self) -> float:
        """When something is to be done for it."""
        return min(self.next_renewal, self.next_telling) if self.progress is not None else self.next_renewal


class LeaseKeeper:
    """A thread with a connection of its own, so that nothing of a job's delays a renewal; a context manager.

    Args:
        records: on a connection whose timeout is `pace.answer`.
    """

    def __init__(self, records: RecordStore) -> None:
        self._records = records
        self._renew_each = records.pace.renew
        self._held: dict[JobId, Held] = {}
        self._stopping: Stop | None = None
        self._leaving = False
        self._changed = threading.Condition()
        self._closing = False
        # Until when the thread waits: who comes with something later need not wake it, and take the interpreter for it.
        self._waits_until = 0.0
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    @property
    def goes_on(self) -> bool:
        """Whether its thread lives."""
        return self._thread.is_alive()

    def keep(self, held: Held) -> None:
        """Renew this lease from now on."""
        with self._changed:
            held.next_renewal = time.monotonic() + (0.0 if self._leaving else self._renew_each)
            self._held[held.job_id] = held
            self._wake_for(held)
            stopping = self._stopping
        if stopping is not None:
            held.stop(stopping)

    def tell(self, job_id: JobId, progress: Progress) -> None:
        """Pass on the progress of an attempt, soon."""
        with self._changed:
            held = self._held.get(job_id)
            if held is not None:
                held.progress = progress
                self._wake_for(held)

    def let_go(self, job_id: JobId) -> None:
        """Renew it no more."""
        with self._changed:
            self._held.pop(job_id, None)

    def ask_now(self, job_id: JobId) -> None:
        """Renew it at once: there is news of it."""
        self._hasten([job_id])

    def leave(self) -> None:
        """This worker is leaving: the store is told, for each attempt, at once."""
        with self._changed:
            self._leaving = True
        self._hasten(list(self._held))

    def stop_all(self, reason: Stop) -> None:
        """Ask every attempt to stop, those that begin from now on too."""
        with self._changed:
            self._stopping = reason
            held = list(self._held.values())
        for each in held:
            each.stop(reason)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _wake_for(self, held: Held) -> None:
        if held.due() < self._waits_until:
            self._changed.notify()

    def _hasten(self, job_ids: Iterable[JobId]) -> None:
        with self._changed:
            for job_id in job_ids:
                if (held := self._held.get(job_id)) is not None:
                    held.next_renewal = 0.0
            self._changed.notify()

    def _run(self) -> None:
        while (due := self._wait()) is not None:
            for held in due:
                self._renew(held)

    def _wait(self) -> list[Held] | None:
        """Those for whom something is to be done; None at the end."""
        with self._changed:
            while not self._closing:
                now = time.monotonic()
                due = [held for held in self._held.values() if held.due() <= now]
                if due:
                    return due
                soonest = min((held.due() for held in self._held.values()), default=now + self._renew_each)
                self._waits_until = soonest
                self._changed.wait(soonest - now)
            return None

    def _renew(self, held: Held) -> None:
        asked = time.monotonic()
        progress = held.take_progress()
        try:
            answer = self._records.renew(held.job_id, lease=held.lease, progress=progress, is_draining=self._leaving)
        except Exception as error:  # noqa: BLE001  (whatever it is: without this thread every lease of the worker is lost)
            # No tick: after a while the warden freezes the tree, until the store is back.
            with about_job(held.job_id):
                held.trouble.met(error)
            held.give_back(progress)
            held.next_renewal = held.next_telling = asked + self._renew_each
            return
        with about_job(held.job_id):
            held.trouble.passed()
        told = time.monotonic()
        held.next_renewal, held.next_telling = asked + self._renew_each, told + _rest(progress, told - asked)
        if answer == "go_on":
            held.tick(asked)
        elif answer == "stop":
            held.stop(Cancelled())
        else:
            held.stop(Lost(held.lease.worker))


def _rest(progress: Progress | None, took: float) -> float:
    """Seconds until the next telling.

    What is long (ten thousand steps) is told less often, lest it fill the store's log and others wait for it.
    """
    size = 0 if progress is None else len(progress.text)
    return max(_TELL_EACH, _REST * took, size / _BYTES_A_SECOND)
