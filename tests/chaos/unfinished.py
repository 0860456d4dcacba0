"""Unfinished: workflows that are half done when the store is lost, and what becomes of them when it is rebuilt."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx

from tests.chaos.families import step_of
from tests.chaos.farm import Farm
from tests.chaos.load import Load
from tests.chaos.plans import Plan
from tests.chaos.rebirth import Rebirth
from tests.chaos.shapes import Shape
from tests.chaos.shelf import Shelf
from tests.chaos.told import Resumed

_SHAPES = (Shape("chain", 3), Shape("nested", 2), Shape("chain", 3, waits=False))
_SECONDS = 1.0
_WORKERS = 2
_BEGUN_WITHIN, _ENDED_WITHIN = 60.0, 90.0
_PAUSE = 0.2


class Unfinished:
    """First `begin`, while the farm is whole; `resumed`, within a rebirth.

    Args:
        farm: whose workers go on with them.
        load: sends them; they are none of those that it looks after.
    """

    def __init__(self, farm: Farm, load: Load) -> None:
        self._farm = farm
        self._load = load
        self._shelf = Shelf(farm.share)
        self._shapes: dict[str, Shape] = {}
        self._ended: dict[str, dict[str, str]] = {}

    def begin(self) -> None:
        """Until of each some sub-task's end is on the share."""
        for shape in _SHAPES:
            plan = Plan("workflow", _SECONDS, shape=shape)
            while not ((answer := self._load.sender.post(plan, None)) and answer.is_success):
                time.sleep(_PAUSE)
            self._shapes[answer.json()["uuid"]] = shape
        _wait(lambda: all(self._attempts_on_the_share().values()), _BEGUN_WITHIN)

    def note_the_loss(self) -> None:
        """When all members have left, and the store is about to be lost."""
        self._ended = self._attempts_on_the_share()

    def resumed(self, rebirth: Rebirth) -> tuple[Resumed, ...]:
        """How they end."""
        workers = self._farm.workers[:_WORKERS]
        for worker in workers:
            worker.start()
        _wait(lambda: all(self._state(rebirth.http, job_id) == "SUCCESS" for job_id in self._shapes), _ENDED_WITHIN)
        told = tuple(self._told(rebirth.http, job_id) for job_id in self._shapes)
        for worker in workers:
            worker.kill()
        return told

    def _attempts_on_the_share(self) -> dict[str, dict[str, str]]:
        """Of each workflow: the attempts of its sub-tasks that ended, by their names."""
        found: dict[str, dict[str, str]] = {job_id: {} for job_id in self._shapes}
        for record in self._shelf.mirrored().values():
            step = step_of(record)
            if record.get("parent") in found and record["state"] == "SUCCESS" and not step.get("shape"):
                found[record["parent"]][step["name"]] = json.loads(record["result"])["attempt"]
        return found

    def _told(self, http: httpx.Client, job_id: str) -> Resumed:
        attempts = {}
        for child in _details(http, job_id).get("children", []):
            result = _details(http, child).get("result")
            if isinstance(result, dict) and "name" in result:
                attempts[result["name"]] = result["attempt"]
        return Resumed(job_id, self._state(http, job_id), self._ended[job_id], attempts)

    def _state(self, http: httpx.Client, job_id: str) -> str | None:
        """SUCCESS where all of it has ended so; else the state of one that has not."""
        details = _details(http, job_id)
        children = [_details(http, child) for child in details.get("children", [])]
        states = [one.get("status") for one in (details, *children)]
        if len(states) <= len(self._shapes[job_id].needs):
            return f"of {len(states) - 1} sub-tasks"
        return next((state for state in states if state != "SUCCESS"), "SUCCESS")


def _details(http: httpx.Client, job_id: str) -> dict[str, Any]:
    with suppress(httpx.HTTPError):
        answer = http.get(f"/jobs/{job_id}/details")
        if answer.is_success:
            found: dict[str, Any] = answer.json()
            return found
    return {}


def _wait(done: Callable[[], bool], patience: float) -> None:
    ends = time.monotonic() + patience
    while not done() and time.monotonic() < ends:
        time.sleep(_PAUSE)
