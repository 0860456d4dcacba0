#!/usr/bin/env python3
"""Lints, renders and validates the Helm chart with every example; ends with 1, and says why, if anything is wrong."""

import importlib.util
import os
import sys
from collections.abc import Iterator

import yaml


def main() -> int:
    """Check all, in one process: it is the libraries' start that takes the time."""
    if importlib.util.find_spec("helm_python") is None:
        print("check_chart: Helm's library has no build for this machine; the chart is not checked", file=sys.stderr)
        return int(os.environ.get("CI") == "true")
    faults = list(dict.fromkeys(all_faults()))
    for fault in faults:
        print(f"chart: {fault}", file=sys.stderr)
    return 1 if faults else 0


def all_faults() -> Iterator[str]:
    """What is wrong, in words."""
    from scripts.chart import farm_rules, pod_rules, rendering, schemas
    from scripts.chart.pods import pods_of

    yield from version_faults()
    told = set()
    for rendered in rendering.examples():
        yield from (f"{rendered.name}: lint: {fault}" for fault in rendering.lint(rendering.example(rendered.name)))
        yield from (f"{rendered.name}: {fault}" for fault in farm_rules.faults_of(rendered))
        for pod in pods_of(rendered):
            yield from (f"{rendered.name}: {fault}" for fault in pod_rules.faults_of(pod))
        for thing in rendered.objects:
            # Examples share most of their objects.
            text = repr(thing)
            if text not in told:
                told.add(text)
                yield from (f"{rendered.name}: {fault}" for fault in schemas.faults_of(thing))


def version_faults() -> Iterator[str]:
    """appVersion, by which images are fetched, is the program's."""
    from pixyz_scheduler import __version__
    from scripts.chart.rendering import CHART

    told = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["appVersion"]
    if told != __version__:
        yield f"Chart.yaml: appVersion is {told}, the program's version {__version__}"


if __name__ == "__main__":
    sys.exit(main())
