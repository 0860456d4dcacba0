"""What a HorizontalPodAutoscaler decides for an external metric of type AverageValue, as pure functions; time comes in.

Written from Kubernetes' pkg/controller/podautoscaler: `GetExternalPerPodMetricReplicas` of replica_calculator.go, and
`reconcileAutoscaler`, `stabilizeRecommendationWithBehaviors`, `convertDesiredReplicasWithBehaviorRate` and
`calculateScale{Up,Down}Limit...` of horizontal.go; defaults from pkg/apis/autoscaling/v2/defaults.go.
"""

import math
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Policy:
    """How far one step may go in a period (seconds)."""

    kind: Literal["Pods", "Percent"]
    value: int
    period: float


@dataclass(frozen=True)
class Rules:
    """`behavior.scaleUp` or `.scaleDown`.

    Attributes:
        window: seconds of earlier recommendations that are looked at.
        policies: of which `select` chooses.
        select: the one that changes most, or least, or none at all.
    """

    window: float
    policies: tuple[Policy, ...]
    select: Literal["Max", "Min", "Disabled"] = "Max"


UP = Rules(0.0, (Policy("Pods", 4, 15.0), Policy("Percent", 100, 15.0)))
DOWN = Rules(300.0, (Policy("Percent", 100, 15.0),))


@dataclass(frozen=True)
class Hpa:
    """One autoscaler.

    Attributes:
        target: of the metric, a pod.
        least: pods; KEDA makes no HPA with less than 1.
        most: pods.
        up: how it grows.
        down: how it shrinks.
        tolerance: by which the metric may miss its target.
    """

    target: float
    least: int
    most: int
    up: Rules = UP
    down: Rules = DOWN
    tolerance: float = 0.1


@dataclass(frozen=True)
class Past:
    """What it remembers: (moment, recommendation) and (moment, pods more or less)."""

    recommended: tuple[tuple[float, int], ...] = ()
    changes: tuple[tuple[float, int], ...] = field(default=())


def wanted(hpa: Hpa, *, value: float, replicas: int) -> int:
    """For a metric of this value, without a look at the past."""
    if abs(1.0 - value / (hpa.target * replicas)) <= hpa.tolerance:
        return replicas
    return math.ceil(value / hpa.target)


def step(hpa: Hpa, past: Past, *, value: float | None, replicas: int, now: float) -> tuple[int, Past]:
    """One look, each 15 s in a cluster: how many pods there shall be.

    Args:
        hpa: whose.
        past: of it.
        value: of the metric; None where it cannot be had.
        replicas: pods that there shall be by now.
        now: seconds.
    """
    if replicas == 0:
        return 0, past
    if replicas > hpa.most or replicas < hpa.least:
        found = min(max(replicas, hpa.least), hpa.most)
    elif value is None:
        return replicas, past
    else:
        desired = wanted(hpa, value=value, replicas=replicas)
        calm = stabilized(hpa, past, desired=desired, replicas=replicas, now=now)
        past = Past((*past.recommended, (now, desired)), past.changes)
        found = limited(hpa, past, desired=calm, replicas=replicas, now=now)
    if found != replicas:
        past = Past(past.recommended, (*past.changes, (now, found - replicas)))
    return found, past


def stabilized(hpa: Hpa, past: Past, *, desired: int, replicas: int, now: float) -> int:
    """Up only as far as all recommendations of the window agree on, and down likewise."""
    up = min((n for at, n in past.recommended if at > now - hpa.up.window), default=desired)
    down = max((n for at, n in past.recommended if at > now - hpa.down.window), default=desired)
    return min(max(replicas, min(up, desired)), max(down, desired))


def limited(hpa: Hpa, past: Past, *, desired: int, replicas: int, now: float) -> int:
    """As far as the policies let it go in one step."""
    if desired > replicas:
        most = max(replicas, _limit(hpa.up, past, replicas=replicas, now=now, sign=1))
        return min(desired, most, hpa.most)
    if desired < replicas:
        least = min(replicas, _limit(hpa.down, past, replicas=replicas, now=now, sign=-1))
        return max(desired, least, hpa.least)
    return desired


def _limit(rules: Rules, past: Past, *, replicas: int, now: float, sign: int) -> int:
    if rules.select == "Disabled":
        return replicas
    proposed = []
    for policy in rules.policies:
        began_with = replicas - sum(change for at, change in past.changes if at > now - policy.period)
        if policy.kind == "Pods":
            proposed.append(began_with + sign * policy.value)
        elif sign > 0:
            proposed.append(math.ceil(began_with * (1 + policy.value / 100)))
        else:
            proposed.append(int(began_with * (1 - policy.value / 100)))
    return max(proposed) if (rules.select == "Max") == (sign > 0) else min(proposed)
