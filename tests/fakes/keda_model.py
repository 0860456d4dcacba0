"""What KEDA decides for a `metrics-api` trigger, as pure functions; time comes in.

Written from kedacore/keda: `GetMetricsAndActivity` of pkg/scalers/metrics_api_scaler.go (active: more than
`activationTargetValue`), `RequestScale` and `scaleToZeroOrIdle` of pkg/scaling/executor/scale_scaledobjects.go, the
strategies and `createJobs` of pkg/scaling/executor/scale_jobs.go, and pkg/scaling/scaledjob for the most at a time.
"""

import math
from dataclasses import dataclass
from typing import Literal

from tests.fakes.hpa_model import Hpa


@dataclass(frozen=True)
class Trigger:
    """A `metrics-api` trigger: its targetValue and activationTargetValue."""

    target: float
    activation: float = 0.0

    def is_active(self, value: float) -> bool:
        """Whether there is something to do at all."""
        return value > self.activation


@dataclass(frozen=True)
class ScaledObject:
    """Workers that go on: KEDA takes them from 0 and back to it, the HPA that it makes does the rest.

    Attributes:
        trigger: asked each `polling` seconds.
        least: minReplicaCount.
        most: maxReplicaCount.
        cooldown: seconds from when the trigger was last active until there are none.
        polling: seconds.
    """

    trigger: Trigger
    least: int = 0
    most: int = 100
    cooldown: float = 300.0
    polling: float = 30.0

    def hpa(self, **rules: object) -> Hpa:
        """The one that KEDA makes."""
        return Hpa(target=self.trigger.target, least=max(1, self.least), most=self.most, **rules)  # type: ignore[arg-type]  # rules and tolerance


def polled(
    scaled: ScaledObject, *, value: float | None, replicas: int, last_active: float | None, now: float
) -> tuple[int, float | None]:
    """One look: how many pods there shall be, and when the trigger was last active.

    Args:
        scaled: whose.
        value: what the trigger was told; None where it was told nothing: all stays.
        replicas: pods that there shall be by now.
        last_active: seconds; None for never.
        now: seconds.
    """
    if value is None:
        return replicas, last_active
    if scaled.trigger.is_active(value):
        return (replicas or max(1, scaled.least)), now
    if replicas > 0 and scaled.least == 0:
        is_over = last_active is None or last_active + scaled.cooldown < now
        return (0 if is_over else replicas), last_active
    return max(replicas, scaled.least), last_active


@dataclass(frozen=True)
class ScaledJob:
    """A pod for each job: KEDA starts them, they end by themselves.

    Attributes:
        trigger: asked each `polling` seconds.
        strategy: how those that are there already are taken off.
        most: maxReplicaCount.
        polling: seconds.
    """

    trigger: Trigger
    strategy: Literal["default", "accurate"] = "default"
    most: int = 100
    polling: float = 30.0


def to_start(scaled: ScaledJob, *, value: float | None, running: int, pending: int = 0) -> int:
    """One look: how many Kubernetes jobs are begun.

    Args:
        scaled: whose.
        value: what the trigger was told; None where it was told nothing.
        running: Kubernetes jobs that have not ended, those pending among them.
        pending: those without a pod that runs.
    """
    if value is None or not scaled.trigger.is_active(value):
        return 0
    most = min(scaled.most, math.ceil(value / scaled.trigger.target))
    if scaled.strategy == "default":
        room = most - running
    elif most + running > scaled.most:
        room = scaled.most - running
    else:
        room = most - pending
    return max(0, min(int(value), room))
