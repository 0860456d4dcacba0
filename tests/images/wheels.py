"""The wheels that images are built of, as requirements/*.lock says, for a Python that need not be this one."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.markers import Marker, default_environment

from tests.images.programs import Unavailable
from tests.images.project import REPOSITORY

_LINE = re.compile(r"([\w.-]+==[^\s;\\]+)(?: *; *([^\\]+))?")
# Newer ones than a base image's C library are no harm: pip takes the best that the Python in the image can use.
_LIBRARIES = (28, 27, 26, 24, 17)


def collect(folder: Path, *, python: str) -> None:
    """Fetch them, from wherever pip is set up to, or from its cache.

    Args:
        folder: where they go.
        python: the version in the images, as `3.11.2`.

    Raises:
        Unavailable: one is not to be had.
    """
    machine = default_environment()["platform_machine"]
    command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(folder), "--python-version", _short(python), "--implementation", "cp"]
    for tag in (*(f"manylinux_2_{minor}" for minor in _LIBRARIES), "manylinux2014"):
        command += ["--platform", f"{tag}_{machine}"]
    done = subprocess.run([*command, *pins(python)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"wheels cannot be had: {done.stderr.strip()[-300:]}")


def pins(python: str) -> list[str]:
    """`name==version` of all that the locks name for this Python, here."""
    target = {"python_full_version": python, "python_version": _short(python)}
    found = {pin for lock in (REPOSITORY / "requirements").glob("*.lock") for pin in _pins(lock.read_text(), target)}
    return sorted(found)


def _pins(lock: str, target: Mapping[str, str]) -> Iterator[str]:
    for line in lock.splitlines():
        if found := _LINE.match(line):
            pin, marker = found.groups()
            if marker is None or Marker(marker).evaluate({**default_environment(), **target}):
                yield pin


def _short(python: str) -> str:
    return ".".join(python.split(".")[:2])
