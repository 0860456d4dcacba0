"""Where nginx is: on PATH, or unpacked from its Debian package into a folder of the test's own."""

import shutil
import subprocess
from pathlib import Path

from tests.fakes.debian_package import unpacked


def nginx_program(folder: Path) -> str | None:
    """The program; None where it can be had in neither way."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    return found or _unpacked(folder)


def _unpacked(folder: Path) -> str | None:
    root = unpacked("nginx", folder)
    if root is None:
        return None
    program = root / "usr/sbin/nginx"
    # Its libraries are the system's: where one is missing, it is as if it were not there.
    works = subprocess.run([program, "-v"], capture_output=True, check=False).returncode == 0
    return str(program) if works else None
