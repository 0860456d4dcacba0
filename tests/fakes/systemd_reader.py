"""How systemd reads a file of NAME=value: its own parser, installed, or unpacked from its Debian packages."""

import os
import shutil
import subprocess
from pathlib import Path

_PATIENCE = 60
# It prints what environment.d says, read by the parser of EnvironmentFile=, but with $NAME put in.
_PROGRAM = "usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator"
_BEGIN = "ours_begin="


def systemd_reader(folder: Path) -> list[str] | None:
    """The command that reads, and the variables it needs; None where it can be had in neither way."""
    installed = Path("/", _PROGRAM)
    return [str(installed)] if installed.is_file() else _unpacked(folder)


def read_as_systemd(command: list[str], text: str, home: Path) -> dict[str, str]:
    """What systemd makes of the text."""
    place = home / ".config" / "environment.d"
    place.mkdir(parents=True)
    (place / "99-ours.conf").write_text(f"{_BEGIN}1\n{text}")
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    said = subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout
    # It is written for a shell to read; the system's own files come first.
    script = f"set -a\n{said[said.index(_BEGIN) :]}\nexec env -0"
    shell = subprocess.run(
        ["sh", "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True, text=True
    )
    pairs = dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)
    return {name: value for name, value in pairs.items() if f"\n{name}=" in said and f"{name}=" != _BEGIN}


def _unpacked(folder: Path) -> list[str] | None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    folder.mkdir()
    try:
        asked = subprocess.run(
            ["apt-get", "download", "systemd", "libsystemd-shared"],
            cwd=folder,
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return None
    packages = list(folder.glob("*.deb"))
    if asked.returncode != 0 or not packages:
        return None
    for package in packages:
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True, timeout=_PATIENCE)
    libraries = next(folder.rglob("libsystemd-shared-*.so"), None)
    if libraries is None or not (folder / _PROGRAM).is_file():
        return None
    command = ["env", f"LD_LIBRARY_PATH={libraries.parent}", str(folder / _PROGRAM)]
    # Its libraries are the system's: where one is missing, it is as if it were not there.
    works = subprocess.run(
        command, env={"HOME": str(folder), "PATH": os.environ["PATH"]}, capture_output=True, check=False
    )
    return command if works.returncode == 0 else None
