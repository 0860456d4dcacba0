"""The smallest example, with values of a test."""

import copy
from typing import Any

from scripts.chart.rendering import Rendered, example, render


def merged(values: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """As Helm puts values over values: maps are merged, all else is replaced."""
    found = copy.deepcopy(values)
    for name, value in more.items():
        both_are_maps = isinstance(value, dict) and isinstance(found.get(name), dict)
        found[name] = merged(found[name], value) if both_are_maps else value
    return found


def of_minimal(values: dict[str, Any]) -> Rendered:
    return render(merged(example("minimal"), values))
