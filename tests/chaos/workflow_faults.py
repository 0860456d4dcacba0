"""WorkflowFaults: what strikes at the moments of a workflow at which much is half done."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from tests.chaos.breakage import Breakage
from tests.chaos.farm import Farm
from tests.chaos.member import Member

AT_SPLIT, AT_LINK = "worker killed at a split", "store killed at a link"

_LURKS = 5.0


class WorkflowFaults:
    """Each of `deeds` lies in wait for its moment; `step` strikes.

    Args:
        breakage: keeps the account.
        farm: its workers are hit.
        moments: the folder in which scripts say what they are about (workflows.py).
        kill_store: of this kind; False where that could not be done.
    """

    def __init__(self, breakage: Breakage, farm: Farm, *, moments: Path, kill_store: Callable[[str], bool]) -> None:
        self._breakage = breakage
        self._farm = farm
        self._moments = moments
        self._kill_store = kill_store
        self._lurking: dict[str, tuple[float, set[str]]] = {}

    @property
    def deeds(self) -> Mapping[str, Callable[[], bool]]:
        """By kind."""
        return {kind: lambda kind=kind: self._lurk(kind) for kind in (AT_SPLIT, AT_LINK)}

    def step(self) -> None:
        """Strike, where the moment is there."""
        strikes: dict[str, Callable[[set[str]], bool]] = {AT_SPLIT: self._at_split, AT_LINK: self._at_link}
        for kind, (until, seen) in list(self._lurking.items()):
            if strikes[kind](seen) or time.monotonic() > until:
                del self._lurking[kind]

    def calm(self) -> None:
        """Strike no more."""
        self._lurking.clear()

    def _lurk(self, kind: str) -> bool:
        if kind in self._lurking:
            return False
        self._lurking[kind] = (time.monotonic() + _LURKS, self._links())
        return True

    def _links(self) -> set[str]:
        return {path.name for path in self._moments.glob("link.*")}

    def _at_link(self, seen: set[str]) -> bool:
        """A sub-task has done its work, its end is on its way."""
        return not self._links() <= seen and self._kill_store(AT_LINK)

    def _at_split(self, _: set[str]) -> bool:
        """A script is starting others."""
        for mark in self._moments.glob("split.*"):
            worker = self._worker_of(int(mark.name.partition(".")[2]))
            if worker is not None and worker in self._breakage.to_spare():
                self._breakage.note(AT_SPLIT, worker.name, pid=worker.pid)
                worker.kill()
                worker.start()
                return True
        return False

    def _worker_of(self, pid: int) -> Member | None:
        """None where it is gone, or is none of ours."""
        with suppress(psutil.NoSuchProcess):
            above = {each.pid for each in psutil.Process(pid).parents()}
            return next((worker for worker in self._farm.workers if worker.is_running and worker.pid in above), None)
        return None
