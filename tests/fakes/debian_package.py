"""A program that this machine lacks, from its Debian package: unpacked into a folder of the test's own."""

import shutil
import subprocess
from pathlib import Path

_PATIENCE = 120


def unpacked(package: str, folder: Path) -> Path | None:
    """Where the package's files lie, as from the root of a system; None where it cannot be had."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    folder.mkdir()
    try:
        asked = subprocess.run(
            ["apt-get", "download", package], cwd=folder, capture_output=True, check=False, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        return None
    packages = list(folder.glob(f"{package}_*.deb"))
    if asked.returncode != 0 or not packages:
        return None
    subprocess.run(["dpkg-deb", "-x", packages[0], folder], check=True, timeout=_PATIENCE)
    packages[0].unlink()
    return folder
