"""What Debian packages hold, unpacked into a folder of the test's own: nothing is installed."""

import shutil
import subprocess
from pathlib import Path

_PATIENCE = 60


def unpacked(folder: Path, *packages: str) -> Path | None:
    """The folder with their files; None where they cannot be had."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    folder.mkdir(parents=True)
    try:
        asked = subprocess.run(
            ["apt-get", "download", *packages], cwd=folder, capture_output=True, check=False, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        return None
    archives = list(folder.glob("*.deb"))
    if asked.returncode != 0 or len(archives) != len(packages):
        return None
    for archive in archives:
        subprocess.run(["dpkg-deb", "-x", archive, folder], check=True, timeout=_PATIENCE)
    return folder
