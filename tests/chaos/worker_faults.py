"""WorkerFaults: what happens to a worker's processes."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from tests.chaos.breakage import Breakage
from tests.chaos.facts import SPOT, VANISHED
from tests.chaos.farm import MARK, Farm
from tests.chaos.member import Member, is_alive

_GONE_WITHIN = 15.0


class WorkerFaults:
    """Each of `deeds` answers whether it could be done.

    Args:
        breakage: keeps the account.
        farm: its workers are hit.
        alive: the folder in which scripts say their pid.

    Attributes:
        survivors: processes of jobs that outlived the head of their worker by too much, in words.
    """

    def __init__(self, breakage: Breakage, farm: Farm, *, alive: Path) -> None:
        self._breakage = breakage
        self._farm = farm
        self._alive = alive
        self._dice = breakage.dice
        self.survivors: list[str] = []

    @property
    def deeds(self) -> Mapping[str, Callable[[], bool]]:
        """By kind."""
        return {
            "worker killed": self._kill,
            "machine lost": self._lose_machine,
            "head lost": self._lose_head,
            "worker stopped": self._suspend,
            "worker drained": lambda: self._drain("worker drained") is not None,
            SPOT: self._reclaim,
            "child killed": lambda: self._kill_child("child killed", signal.SIGKILL),
            "child segfault": lambda: self._kill_child("child segfault", signal.SIGSEGV),
            "warden killed": self._kill_warden,
            "template killed": self._kill_template,
        }

    def _kill(self) -> bool:
        worker = self._breakage.worker_to_lose()
        if worker is None:
            return False
        self._breakage.note("worker killed", worker.name, pid=worker.pid)
        worker.kill()
        worker.start()
        return True

    def _lose_machine(self) -> bool:
        worker = self._breakage.worker_to_lose()
        if worker is None:
            return False
        self._breakage.note("machine lost", worker.name, pid=worker.pid)
        worker.kill_machine()
        worker.start()
        return True

    def _lose_head(self) -> bool:
        """All but the processes of its jobs: whoever kills a tree is gone."""
        worker = self._breakage.worker_to_lose()
        if worker is None:
            return False
        self._breakage.note("head lost", worker.name, pid=worker.pid)
        left = worker.kill_head()
        worker.start()
        due = time.monotonic() + _GONE_WITHIN

        def look() -> None:
            # Asked too early, when all is healed: the end of the run looks for everybody.
            if time.monotonic() >= due:
                self.survivors += [f"{each} of {worker.name}" for each in left if is_alive(each)]

        self._breakage.later(_GONE_WITHIN, look)
        return True

    def _suspend(self) -> bool:
        """For less than a lease, or much longer."""
        worker = self._breakage.worker_to_lose()
        if worker is None:
            return False
        lasts = self._dice.uniform(0.5, 2.5) * self._breakage.lease
        self._breakage.busy.add(worker.name)
        worker.signal(signal.SIGSTOP)

        def go_on() -> None:
            worker.signal(signal.SIGCONT)
            self._breakage.busy.discard(worker.name)

        self._breakage.later(lasts, go_on)
        return self._breakage.note("worker stopped", worker.name, lasts=lasts, pid=worker.pid)

    def _drain(self, kind: str) -> Member | None:
        worker = self._breakage.worker_to_lose()
        if worker is not None:
            self._breakage.note(kind, worker.name, pid=worker.pid)
            self._breakage.ask_to_leave(worker, signal.SIGTERM)
        return worker

    def _reclaim(self) -> bool:
        """A spot machine: told to leave, and gone before or after it has."""
        worker = self._drain(SPOT)
        if worker is None:
            return False
        pid = worker.pid

        def vanish() -> None:
            if worker.is_running and worker.pid == pid:
                self._breakage.note(VANISHED, worker.name, pid=pid)
                self._breakage.forget_that_it_leaves(worker)
                worker.kill_machine()

        self._breakage.later(self._dice.uniform(0, self._breakage.drain_timeout + 2 * self._breakage.scale), vanish)
        return True

    def _kill_child(self, kind: str, number: int) -> bool:
        marks = [path for path in self._alive.iterdir() if path.name.isdigit()]
        self._dice.shuffle(marks)
        for mark in marks:
            pid = int(mark.name)
            with suppress(FileNotFoundError, ProcessLookupError):
                job_id = mark.read_text()
                if _is_ours(pid, self._farm.run):
                    os.kill(pid, number)
                    return self._breakage.note(kind, job_id, pid=pid)
            mark.unlink(missing_ok=True)
        return False

    def _kill_warden(self) -> bool:
        free = self._breakage.free(self._farm.workers)
        wardens = [(worker, pid) for worker in free for pid in worker.wardens()]
        if not wardens:
            return False
        worker, pid = self._dice.choice(wardens)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return self._breakage.note("warden killed", worker.name, pid=pid)

    def _kill_template(self) -> bool:
        worker = self._breakage.worker_to_lose()
        template = worker.template() if worker else None
        if worker is None or template is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(template, signal.SIGKILL)
        return self._breakage.note("template killed", worker.name, pid=template)


def _is_ours(pid: int, run: str) -> bool:
    with suppress(OSError):
        return f"{MARK}={run}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False
