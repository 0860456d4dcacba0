"""Where Prometheus and its promtool are: on PATH, or unpacked from their Debian package."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.debian_package import unpacked


@dataclass(frozen=True)
class Prometheus:
    """Both programs, of one version."""

    server: str
    tool: str


def prometheus_programs(folder: Path) -> Prometheus | None:
    """The programs; None where they can be had in neither way."""
    server, tool = shutil.which("prometheus"), shutil.which("promtool")
    if server and tool:
        return Prometheus(server, tool)
    root = unpacked("prometheus", folder)
    return None if root is None else Prometheus(str(root / "usr/bin/prometheus"), str(root / "usr/bin/promtool"))
