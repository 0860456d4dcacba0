"""Load: clients that send jobs, look at them, and do things to them, through any API."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from typing_extensions import Self

from tests.chaos.asker import Asker
from tests.chaos.deeds import Deeds
from tests.chaos.facts import TERMINAL
from tests.chaos.farm import Farm
from tests.chaos.plans import Plan
from tests.chaos.sender import Sender
from tests.chaos.told import Accepted, Final

_PAUSE = 0.05
_DEEDS_AT_ONCE = 16

_AT_ONCE = {"cancel": 0.05, "delete": 0.03}
_LATER = {"cancel": 0.05, "delete": 0.04}
_AT_WORK = {"cancel": 0.07, "delete": 0.03}
_AT_WORK_WITH_OTHERS = {"cancel": 0.1, "delete": 0.1}
_ENDED = {"archive": 0.05, "delete": 0.04, "again": 0.06}
"""How often what is done to a job, when it was sent, a while after, once it runs, once it has ended. Of those
that start others more: their families are few."""


class Load:
    """Threads that send and look; a context manager that ends them.

    Args:
        farm: whose APIs are asked.
        folder: where scripts write their beacons (`beacons`), say that they live (`alive`), and what they are about
            (`moments`).
        seed: of every choice.
        scale: of the protocol's times.
        open_jobs: how many jobs may be under way at once.

    Attributes:
        sender: sends.
        deeds: all else that clients do.
    """

    def __init__(self, farm: Farm, folder: Path, *, seed: int, scale: float, open_jobs: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311  (a test's dice)
        self._over = threading.Event()
        self._no_more = threading.Event()
        self._asker = Asker(farm, self._dice)
        self.sender = Sender(self._asker, folder, self._dice, self._over)
        self.deeds = Deeds(self._asker, farm.share, self._over)
        self._scale = scale
        self._open_jobs = open_jobs
        self._open: dict[str, Plan] = {}
        self._at_work: set[str] = set()
        self._spoken_for: set[str] = set()
        self._lock = threading.Lock()
        self._life: Counter[str] = Counter()
        self._finals: dict[str, Final] = {}
        self._past: list[Final] = []
        self._under_way: list[Future[None]] = []
        self._pool = ThreadPoolExecutor(_DEEDS_AT_ONCE, thread_name_prefix="deeds")
        self._senders = [threading.Thread(target=self._send_all, name=f"sender{n}", daemon=True) for n in range(2)]
        self._threads = [*self._senders, threading.Thread(target=self._watch_all, name="watcher", daemon=True)]
        for name in ("beacons", "alive", "moments"):
            (folder / name).mkdir()

    @property
    def open_jobs(self) -> list[str]:
        """Taken, and not seen at their end."""
        return list(self._open)

    @property
    def is_at_it(self) -> bool:
        """Something is being done to a job still, or one is being sent whose sender was not told to stop in time."""
        sends = self._no_more.is_set() and any(sender.is_alive() for sender in self._senders)
        return sends or any(not one.done() for one in self._under_way)

    @property
    def finals(self) -> tuple[Final, ...]:
        """What clients were told of the ends; first those that were run again, or removed, afterwards."""
        with self._lock:
            return (*self._past, *self._finals.values())

    def probe(self) -> None:
        """Find out what the API knows."""
        self.sender.probe()
        for accepted in self.sender.accepted:
            self._open[accepted.job_id] = accepted.plan

    def stop_sending(self) -> None:
        """No new jobs; those under way are looked at on."""
        self._no_more.set()

    def take(self, accepted: Accepted) -> None:
        """Look after a job that somebody else has sent."""
        self._open[accepted.job_id] = accepted.plan
        self.sender.accepted.append(accepted)

    def look_again(self) -> None:
        """Ask for the details of every job that has ended, and for those that were removed, once more."""
        for job_id in list(self._finals):
            self._look(job_id)
        self.deeds.deletions = [replace(one, later=self.deeds.look(one.job_id)) for one in self.deeds.deletions]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._no_more.set()
        for thread in self._threads:
            thread.join()
        self._pool.shutdown()
        self._asker.close()

    def _send_all(self) -> None:
        while not self._no_more.is_set():
            if len(self._open) >= self._open_jobs:
                self._no_more.wait(_PAUSE)
                continue
            accepted = self.sender.send(Plan.drawn(self._dice, scale=self._scale))
            self._open[accepted.job_id] = accepted.plan
            if (deed := self._drawn(_AT_ONCE)) is not None:
                self._do(deed, accepted.job_id)
            elif (deed := self._drawn(_LATER)) is not None:
                self._do(deed, accepted.job_id, after=self._dice.uniform(0, 3 * self._scale))

    def _watch_all(self) -> None:
        while not self._over.is_set():
            for job_id in list(self._open):
                if self._over.is_set():
                    return
                self._look(job_id)
            ended = list(self._finals)
            if ended:
                self._look(self._dice.choice(ended))
            self._over.wait(_PAUSE)

    def _look(self, job_id: str) -> None:
        life = self._life[job_id]
        answer = self._asker.ask("GET", f"/jobs/{job_id}/details")
        if answer is None or not answer.is_success:
            # A 404 for a job that was accepted shows in the records at the end.
            return
        deed = None
        with self._lock:
            # Asked for before it was run again, or removed, and answered after.
            if life == self._life[job_id] and not life % 2:
                deed = self._seen(job_id, answer.json())
        if deed is not None:
            self._do(deed, job_id)

    def _seen(self, job_id: str, details: dict[str, Any]) -> str | None:
        """What is to be done to it now."""
        final = self._finals.get(job_id)
        if final is not None:
            self._open.pop(job_id, None)
            if details != final.details:
                self._finals[job_id] = replace(final, others=(*final.others, details))
        elif details["status"] in TERMINAL:
            self._finals[job_id] = Final(job_id, details)
            self._open.pop(job_id, None)
            deed = self._drawn(_ENDED)
            return None if deed == "archive" and details["status"] != "SUCCESS" else deed
        elif details["status"] == "RUNNING" and job_id not in self._at_work:
            self._at_work.add(job_id)
            plan = self._open.get(job_id)
            return self._drawn(_AT_WORK_WITH_OTHERS if plan and plan.shape else _AT_WORK)
        return None

    def _drawn(self, chances: Mapping[str, float]) -> str | None:
        chance = self._dice.random()
        for deed, share in chances.items():
            chance -= share
            if chance < 0:
                return deed
        return None

    def _do(self, deed: str, job_id: str, *, after: float = 0.0) -> None:
        """In a thread; one deed a job, for what follows upon two nobody foresees."""
        if job_id in self._spoken_for or self._no_more.is_set():
            return
        self._spoken_for.add(job_id)
        deeds: dict[str, Callable[[str], None]] = {
            "cancel": self.deeds.cancel,
            "archive": self.deeds.archive,
            "delete": self._delete,
            "again": self._run_again,
        }

        def do() -> None:
            if not self._over.wait(after):
                deeds[deed](job_id)

        self._under_way = [one for one in self._under_way if not one.done()]
        self._under_way.append(self._pool.submit(do))

    def _delete(self, job_id: str) -> None:
        self._end_life(job_id)
        self.deeds.delete(job_id)
        self._open.pop(job_id, None)

    def _run_again(self, job_id: str) -> None:
        """Afterwards it is as new, and may be cancelled, removed, or run again once more."""
        plan = next(one.plan for one in self.sender.accepted if one.job_id == job_id)
        self._end_life(job_id)
        self.deeds.run_again(job_id)
        self._at_work.discard(job_id)
        self._spoken_for.discard(job_id)
        with self._lock:
            self._life[job_id] += 1
            self._open[job_id] = plan

    def _end_life(self, job_id: str) -> None:
        """What was told of its end holds until now."""
        with self._lock:
            self._life[job_id] += 1
            final = self._finals.pop(job_id, None)
            if final is not None:
                self._past.append(replace(final, holds=False))
