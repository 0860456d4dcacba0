"""Sender: sends jobs until they are taken, some with an Idempotency-Key, which it sends again, and misuses."""

import json
import random
import secrets
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx

from tests.chaos.asker import Asker
from tests.chaos.beacons import SCRIPT
from tests.chaos.plans import HOARD, Plan
from tests.chaos.told import Accepted
from tests.chaos.workflows import WORKFLOW_SCRIPT

_PAUSE = 0.05
_BEAT = 0.02
_HEADER, _REPLAYED = "Idempotency-Key", "idempotent-replayed"
_WITH_KEY, _AGAIN, _MISUSED = 0.3, 0.3, 0.15


class Sender:
    """Any number of threads may send.

    Args:
        asker: asks.
        folder: where scripts write their beacons (`beacons`), say that they live (`alive`), and what they are about
            (`moments`).
        dice: for every choice.
        over: set when nobody waits any more.

    Attributes:
        accepted: every 2xx.
        misuses: what was answered to a key that came with another body: (key, status; 0 for none).
        idempotency: whether the API knows the header; set by `probe`.
    """

    def __init__(self, asker: Asker, folder: Path, dice: random.Random, over: threading.Event) -> None:
        self.accepted: list[Accepted] = []
        self.misuses: list[tuple[str, int]] = []
        self.idempotency = False
        self._asker = asker
        self._folder = folder
        self._dice = dice
        self._over = over

    def probe(self) -> None:
        """Find out whether the API knows Idempotency-Key, by two jobs of one key."""
        key = secrets.token_hex(8)
        self._insist(Plan(seconds=0.0), key)
        self.idempotency = self._insist(Plan(seconds=0.0), key).replayed
        if not self.idempotency:
            self.accepted = [replace(one, key=None) for one in self.accepted]

    def send(self, plan: Plan) -> Accepted:
        """One job, taken."""
        key = secrets.token_hex(8) if self.idempotency and self._dice.random() < _WITH_KEY else None
        accepted = self._insist(plan, key)
        if key is not None and self._dice.random() < _AGAIN:
            self._once(plan, key)
        if key is not None and self._dice.random() < _MISUSED:
            answer = self.post(replace(plan, seconds=plan.seconds + 1), key)
            self.misuses.append((key, 0 if answer is None else answer.status_code))
        return accepted

    def params(self, plan: Plan) -> str:
        """What the script of a plan is told."""
        return json.dumps(
            {
                "kind": plan.kind,
                "seconds": plan.seconds,
                "bytes": plan.size,
                "hoard": HOARD if plan.kind == "hungry" else 0,
                "beat": _BEAT,
                "beacons": str(self._folder / "beacons"),
                "alive": str(self._folder / "alive"),
                "moments": str(self._folder / "moments"),
                "shape": vars(plan.shape) if plan.shape else None,
            }
        )

    def _insist(self, plan: Plan, key: str | None) -> Accepted:
        """POST, to any API and with the same key, until a 2xx comes."""
        while True:
            accepted = self._once(plan, key)
            if accepted is not None:
                return accepted
            self._over.wait(_PAUSE)

    def _once(self, plan: Plan, key: str | None) -> Accepted | None:
        asked = time.time()
        answer = self.post(plan, key)
        if answer is None or not answer.is_success:
            return None
        replayed = answer.headers.get(_REPLAYED) == "true"
        accepted = Accepted(answer.json()["uuid"], plan, time.time(), key, replayed, asked)
        self.accepted.append(accepted)
        return accepted

    def post(self, plan: Plan, key: str | None) -> httpx.Response | None:
        """Once; None where no answer came."""
        return self._asker.ask(
            "POST",
            "/jobs",
            files={"script": ("job.py", WORKFLOW_SCRIPT if plan.shape else SCRIPT)},
            data={"params": self.params(plan), "config": json.dumps(plan.config)},
            headers={} if key is None else {_HEADER: f'"{key}"'},
        )
