"""Breakage: what is broken now, when it is healed, who is away; and the account of all of it."""

import heapq
import itertools
import random
import time
from collections.abc import Callable, Sequence

from pixyz_scheduler.jobs.pace import PACE
from tests.chaos.facts import Drain, Fault
from tests.chaos.farm import Farm
from tests.chaos.member import Member

_FEWEST_UP = 3
_MOST_STARTING = 2
_DRAIN_PATIENCE = 60.0


class Breakage:
    """One thread uses it, and calls `tend` often.

    Args:
        farm: whose members are brought back.
        seed: of every choice.
        scale: of the protocol's times.
        drain_timeout: seconds that a stopping worker gives its job.

    Attributes:
        dice: for every choice.
        scale: of the protocol's times.
        lease: seconds of one.
        drain_timeout: seconds.
        busy: names of what is broken already, and is not broken again meanwhile.
        faults: injected so far.
        drains: workers that left when they were asked.
        exits: who ended though nobody had asked: (name, status).
        workers_up: (time, how many workers could take jobs), each second.
    """

    def __init__(self, farm: Farm, *, seed: int, scale: float, drain_timeout: float) -> None:
        self.dice = random.Random(seed)  # noqa: S311  (a test's dice)
        self.scale = scale
        self.lease = PACE.scaled(scale).lease
        self.drain_timeout = drain_timeout
        self.busy: set[str] = set()
        self.faults: list[Fault] = []
        self.drains: list[Drain] = []
        self.exits: list[tuple[str, int]] = []
        self.workers_up: list[tuple[float, int]] = []
        self._farm = farm
        self._asked: dict[str, float] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def tend(self) -> None:
        """Heal what is due and start who is gone."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
        for member in self._farm.members:
            if not member.is_running:
                self._bring_back(member)
            elif member.leaving and time.time() > self._asked[member.name] + self.drain_timeout + _DRAIN_PATIENCE:
                self.exits.append((f"{member.name} did not leave", -9))
                member.kill()
        now = time.time()
        if not self.workers_up or now - self.workers_up[-1][0] >= 1:
            self.workers_up.append((now, sum(worker.is_up() for worker in self._farm.workers)))

    def heal(self) -> None:
        """All that is broken, without waiting for its time; what that leaves to be done, too."""
        while self._due:
            heapq.heappop(self._due)[2]()

    @property
    def is_calm(self) -> bool:
        """Nothing is broken, and everybody is up."""
        return not self._due and not self.busy and all(member.is_up() for member in self._farm.members)

    def note(self, kind: str, target: str, *, lasts: float = 0.0, pid: int | None = None) -> bool:
        """Write a fault down; True."""
        now = time.time()
        self.faults.append(Fault(kind, target, now, now + lasts, pid))
        return True

    def later(self, seconds: float, deed: Callable[[], None]) -> None:
        """Have something done by `tend`, after so many seconds."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), deed))

    def free(self, members: Sequence[Member]) -> list[Member]:
        """Those that work, and are not broken."""
        return [member for member in members if member.is_up() and member.name not in self.busy]

    def one_to_spoil(self) -> Member | None:
        """Any member; None where too few are whole."""
        free = self.free(self._farm.members)
        return self.dice.choice(free) if len(free) > _FEWEST_UP else None

    def worker_to_lose(self) -> Member | None:
        """One that can be spared: enough others work, and not too many are on their way (a start costs a second)."""
        free = self.to_spare()
        return self.dice.choice(free) if free else None

    def to_spare(self) -> list[Member]:
        """The workers of which one can be lost."""
        free = self.free(self._farm.workers)
        starting = sum(member.is_running and not member.leaving and not member.is_up() for member in self._farm.members)
        return free if len(free) > _FEWEST_UP and starting <= _MOST_STARTING else []

    def ask_to_leave(self, member: Member, number: int) -> None:
        """By a signal; `tend` brings it back."""
        self.busy.add(member.name)
        member.leaving = True
        self._asked[member.name] = time.time()
        member.signal(number)

    def forget_that_it_leaves(self, member: Member) -> None:
        """It is killed before it has left: that is no drain."""
        self._asked.pop(member.name, None)

    def _bring_back(self, member: Member) -> None:
        status = member.reap()
        asked = self._asked.pop(member.name, None)
        if asked is not None:
            self.drains.append(Drain(member.name, asked, time.time()))
        elif member.name not in self.busy:
            self.exits.append((member.name, status))
        self.busy.discard(member.name)
        member.start()
