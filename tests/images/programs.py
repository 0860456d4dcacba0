"""Docker's programs, unpacked from Debian's packages into a folder: nothing is installed on this machine."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("docker.io", "docker-compose", "iptables", "mmdebstrap")
# Debian's Python, whose modules docker-compose is.
PYTHON = "/usr/bin/python3"
_PATIENCE = 180


class Unavailable(Exception):
    """No Docker engine is to be had here, and why."""


@dataclass(frozen=True)
class Programs:
    """Where they are."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """In which they find each other, and their libraries."""
        libraries = self.root / "usr" / "lib" / f"{platform.machine()}-linux-gnu"
        folders = [self.root / "links", self.root / "usr" / "sbin", self.root / "usr" / "bin"]
        return {
            "PATH": os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]),
            "LD_LIBRARY_PATH": str(libraries),
            "XTABLES_LIBDIR": str(libraries / "xtables"),
            "LANG": "C.UTF-8",
        }

    @property
    def compose(self) -> list[str]:
        """The command that begins with docker-compose."""
        return [PYTHON, str(self.root / "usr/bin/docker-compose")]

    @property
    def compose_environment(self) -> dict[str, str]:
        """Its modules, besides."""
        return {**self.environment, "PYTHONPATH": str(self.root / "usr/lib/python3/dist-packages")}


def unpack(folder: Path) -> Programs:
    """Have them in this folder.

    Raises:
        Unavailable: it is no Debian, or its packages cannot be had.
    """
    for program in ("apt-get", "dpkg-deb", "unshare", "nsenter", "ip", PYTHON):
        if shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin") is None:
            raise Unavailable(f"there is no {program}")
    packages = folder / "packages"
    packages.mkdir(parents=True)
    # What they need and this machine has already is not named: it is found where it is.
    told = _apt(packages, "--simulate", "install", "--no-install-recommends", "--reinstall", *PACKAGES)
    names = sorted({line.split()[1] for line in told.splitlines() if line.startswith("Inst ")})
    _apt(packages, "download", *names)
    for package in packages.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True, timeout=_PATIENCE)
    shutil.rmtree(packages)
    programs = Programs(folder)
    _choose_iptables(programs)
    return programs


def _choose_iptables(programs: Programs) -> None:
    """Which of its two ways the kernel knows, in a network of its own."""
    links = programs.root / "links"
    links.mkdir()
    for kind in ("nft", "legacy"):
        for name in ("iptables", "ip6tables"):
            (links / name).unlink(missing_ok=True)
            (links / name).symlink_to(f"../usr/sbin/xtables-{kind}-multi")
        tried = [
            "unshare",
            "--net",
            "iptables",
            "-t",
            "nat",
            "-A",
            "POSTROUTING",
            "-m",
            "addrtype",
            "--dst-type",
            "LOCAL",
        ]
        if subprocess.run(tried, env=programs.environment, capture_output=True, check=False).returncode == 0:
            return
    raise Unavailable("the kernel knows no iptables, or namespaces may not be made here")


def _apt(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["apt-get", "-q", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"apt-get did not answer within {_PATIENCE} s") from error
    if done.returncode != 0:
        raise Unavailable(f"Debian's packages cannot be had: {done.stderr.strip()[-300:]}")
    return done.stdout
