"""Where nginx is: on PATH, or unpacked from its Debian package into a folder of the test's own."""

import shutil
import subprocess
from pathlib import Path

_PATIENCE = 60


def nginx_program(folder: Path) -> str | None:
    """The program; None where it can be had in neither way."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    return found or _unpacked(folder)


def _unpacked(folder: Path) -> str | None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    folder.mkdir()
    try:
        asked = subprocess.run(
            ["apt-get", "download", "nginx"], cwd=folder, capture_output=True, check=False, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        return None
    packages = list(folder.glob("nginx_*.deb"))
    if asked.returncode != 0 or not packages:
        return None
    subprocess.run(["dpkg-deb", "-x", packages[0], folder], check=True, timeout=_PATIENCE)
    program = folder / "usr/sbin/nginx"
    # Its libraries are the system's: where one is missing, it is as if it were not there.
    works = subprocess.run([program, "-v"], capture_output=True, check=False).returncode == 0
    return str(program) if works else None
