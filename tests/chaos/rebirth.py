"""Rebirth: the store is lost with all its data, and rebuilt from the share; what clients are told then."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import httpx
from typing_extensions import Self

from tests.chaos.farm import KEY, Farm
from tests.chaos.store import ChaosStore
from tests.chaos.told import Final, Rebuilt

_PATIENCE = 60.0
_PAUSE = 0.05


class Rebirth:
    """At the very end, when all members of the farm have left; a context manager, within which one API is back.

    Args:
        store: is emptied.
        farm: one of its APIs comes back.
        folder: of the store's data.
    """

    def __init__(self, store: ChaosStore, farm: Farm, folder: Path) -> None:
        self._store = store
        self._farm = farm
        self._folder = folder
        self._api = farm.apis[0]
        self.http = httpx.Client(base_url=farm.url(self._api), headers={"x-api-key": KEY}, timeout=30)

    def __enter__(self) -> Self:
        """Lose all, and reconcile."""
        self._store.kill()
        shutil.rmtree(self._folder)
        self._folder.mkdir()
        self._store.start()
        # It tells with 1 of folders that nobody knows anything of: those of requests that were never answered.
        subprocess.run(
            [sys.executable, "-m", "pixyz_scheduler", "admin", "reconcile"],
            env=dict(self._api.environment),
            cwd=self._folder.parent,
            check=False,
            stdout=subprocess.DEVNULL,
        )
        self._api.start()
        ends = time.monotonic() + _PATIENCE
        while not self._farm.answers(self._api):
            if time.monotonic() > ends:
                raise RuntimeError(f"No API after the rebirth: see {self._api.log}")
            time.sleep(_PAUSE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        self._api.kill()

    def told_of(self, finals: Iterable[Final]) -> tuple[Rebuilt, ...]:
        """The details of each."""
        return tuple(self._again(final) for final in finals)

    def _again(self, final: Final) -> Rebuilt:
        answer = self.http.get(f"/jobs/{final.job_id}/details")
        return Rebuilt(final.job_id, final.details, answer.json() if answer.is_success else None)
