"""Quantiles of few samples: never beyond the largest, and of one sample that one."""

import math
from collections.abc import Sequence


def quantile(samples: Sequence[float], share: float) -> float:
    """The value below which this share of the samples lies, between two of them in proportion."""
    ordered = sorted(samples)
    at = share * (len(ordered) - 1)
    below, above = ordered[math.floor(at)], ordered[math.ceil(at)]
    return below + (above - below) * (at - math.floor(at))
