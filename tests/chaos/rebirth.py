"""Rebirth: the store is lost with all its data, and rebuilt from the share; what clients are told then."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import httpx

from tests.chaos.farm import KEY, Farm
from tests.chaos.store import ChaosStore
from tests.chaos.told import Final, Rebuilt

_PATIENCE = 60.0
_PAUSE = 0.05


class Rebirth:
    """At the very end, when all members of the farm have left.

    Args:
        store: is emptied.
        farm: one of its APIs comes back.
        folder: of the store's data.
    """

    def __init__(self, store: ChaosStore, farm: Farm, folder: Path) -> None:
        self._store = store
        self._farm = farm
        self._folder = folder

    def of(self, finals: Iterable[Final]) -> tuple[Rebuilt, ...]:
        """Lose all, reconcile, and ask for the details of each."""
        self._store.kill()
        shutil.rmtree(self._folder)
        self._folder.mkdir()
        self._store.start()
        api = self._farm.apis[0]
        # It tells with 1 of folders that nobody knows anything of: those of requests that were never answered.
        subprocess.run(
            [sys.executable, "-m", "pixyz_scheduler", "admin", "reconcile"],
            env=dict(api.environment),
            cwd=self._folder.parent,
            check=False,
            stdout=subprocess.DEVNULL,
        )
        api.start()
        ends = time.monotonic() + _PATIENCE
        while not self._farm.answers(api):
            if time.monotonic() > ends:
                raise RuntimeError(f"No API after the rebirth: see {api.log}")
            time.sleep(_PAUSE)
        with httpx.Client(base_url=self._farm.url(api), headers={"x-api-key": KEY}, timeout=30) as http:
            told = tuple(_again(http, final) for final in finals)
        api.kill()
        return told


def _again(http: httpx.Client, final: Final) -> Rebuilt:
    answer = http.get(f"/jobs/{final.job_id}/details")
    return Rebuilt(final.job_id, final.details, answer.json() if answer.is_success else None)
