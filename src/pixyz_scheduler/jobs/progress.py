"""Progress: how far an attempt is, in percent and in timed steps. Time comes in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pixyz_scheduler.jobs.steps import UNFINISHED, Step, Steps


@dataclass(frozen=True)
class Progress:
    """How far an attempt is.

    Attributes:
        total: how many steps were announced; None when none were.
        steps: those begun, in order; all but the last are over.
        output: the last value given to `progress_output`.
        before: how many of the steps were over when the script began; they are not of those announced.
    """

    total: int | None = None
    steps: Sequence[Step] = ()
    output: Any = None
    before: int = 0

    @property
    def percent(self) -> int | None:
        """0 to 100 of the announced steps that are over; None when none were announced."""
        if not self.total:
            return None
        over = sum(step.duration != UNFINISHED for step in self.steps[self.before :])
        return min(100, over * 100 // self.total)

    def with_total(self, total: int) -> "Progress":
        """How many steps there will be."""
        return replace(self, total=max(0, total))

    def next(self, info: str, now: float) -> "Progress":
        """A new step begins; the one before is over."""
        return replace(self, steps=Steps.of(self.steps).finished(now).and_then(Step(info, now)))

    def stopped(self, now: float) -> "Progress":
        """The last step is over."""
        return replace(self, steps=Steps.of(self.steps).finished(now)) if self.steps else self

    def folded(self, message: Mapping[str, Any], now: float) -> "Progress":
        """After one of the child's messages; one that is not about progress changes nothing."""
        match message:
            case {"type": "progress_total", "total": int(total)}:
                return self.with_total(total)
            case {"type": "step", "info": str(info)}:
                return self.next(info, now)
            case {"type": "prepared"} if self.steps:
                return replace(self.stopped(now), before=len(self.steps))
            case {"type": "progress_stop"}:
                return self.stopped(now)
            case {"type": "progress_output", "value": value}:
                return replace(self, output=value)
            case _:
                return self

    @cached_property
    def text(self) -> str:
        """As JSON; an empty object where nothing was told."""
        if self == Progress():
            return "{}"
        total, output, before = (_json(value) for value in (self.total, self.output, self.before))
        return f'{{"total":{total},"steps":{Steps.of(self.steps).text},"output":{output},"before":{before}}}'

    @classmethod
    def from_wire(cls, values: Mapping[str, Any]) -> "Progress":
        """From what `text` says."""
        steps = Steps(Step(info, began, duration) for info, began, duration in values.get("steps", ()))
        return cls(values.get("total"), steps, values.get("output"), values.get("before", 0))


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
