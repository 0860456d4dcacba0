"""Injector: breaks one thing after another, by weights and dice. One thread calls it; it waits for nothing long."""

import time
from collections.abc import Callable, Mapping

from tests.chaos.breakage import Breakage
from tests.chaos.workflow_faults import WorkflowFaults

WEIGHTS: Mapping[str, float] = {
    "worker killed": 16,
    "machine lost": 4,
    "head lost": 4,
    "worker stopped": 4,
    "worker drained": 4,
    "spot machine": 3,
    "child killed": 10,
    "child segfault": 5,
    "warden killed": 5,
    "template killed": 4,
    "black hole": 5,
    "refuse": 5,
    "delay": 5,
    "no answers": 5,
    "no requests": 4,
    "store killed": 8,
    "store stopped": 3,
    "store read-only": 2,
    "store out of memory": 2,
    "api killed": 2,
    "upload killed": 4,
    "share gone": 1,
    "bell doubled": 6,
    "bell lost": 6,
    "worker killed at a split": 5,
    "store killed at a link": 4,
}
"""How often each is drawn; those that cannot be had at the moment are drawn again."""

_TRIES = 20


class Injector:
    """Call `step` often.

    Args:
        breakage: keeps the account.
        deeds: what can be done, by kind; whether it could.
        workflows: lies in wait for its moments.
        gap: seconds between two faults, on average.
        weights: of the kinds.
    """

    def __init__(
        self,
        breakage: Breakage,
        *,
        deeds: Mapping[str, Callable[[], bool]],
        workflows: WorkflowFaults,
        gap: float,
        weights: Mapping[str, float] = WEIGHTS,
    ) -> None:
        self._breakage = breakage
        self._workflows = workflows
        self._gap = gap
        self._weights = weights
        self._deeds = deeds
        self._next = time.monotonic()

    def step(self) -> None:
        """Heal what is due, start who is gone, and break something if it is time."""
        self._breakage.tend()
        self._workflows.step()
        if time.monotonic() < self._next:
            return
        dice = self._breakage.dice
        self._next = time.monotonic() + dice.expovariate(1 / self._gap)
        for kind in dice.choices(list(self._weights), list(self._weights.values()), k=_TRIES):
            if self._deeds[kind]():
                return

    def calm(self) -> None:
        """Heal all."""
        self._workflows.calm()
        self._breakage.heal()
