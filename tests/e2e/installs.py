"""Install: our wheel in a fresh environment of a Python of this machine, made by uv, and its command line."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.conftest import missing

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
RUNNING = f"3.{sys.version_info.minor}"
EVERYTHING = os.environ.get("SMOKE") == "all"

_AWAY = re.compile(r"error sending request|dns error|failed to lookup|connect error|client error", re.IGNORECASE)


def find_python(version):
    """The program of this version; skips the test where it is not to be had, or is left to `scripts/smoke --all`."""
    if version not in ("3.10", RUNNING) and not EVERYTHING:
        pytest.skip("left to scripts/smoke --all")
    for path in _candidates(version):
        said = subprocess.run(
            [path, "-c", "import sys, ssl, venv; print(sys.version)"], capture_output=True, text=True, check=False
        )
        if said.returncode == 0 and said.stdout.startswith(f"{version}."):
            return path
    pytest.skip(f"there is no Python {version} on this machine")


def _candidates(version):
    if version == RUNNING:
        yield sys.executable
    if found := shutil.which(f"python{version}"):
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)


def uv(*arguments):
    """Run uv; a package index that does not answer is a missing service."""
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        [find_uv_bin(), *map(str, arguments)], capture_output=True, text=True, check=False, env=environment, cwd="/"
    )
    if done.returncode and _AWAY.search(done.stderr):
        missing("an index of packages")
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Install:
    """An environment, and what is in it."""

    folder: Path

    @classmethod
    def locked(cls, folder, python, name, wheel):
        """As an image does: what a lock file says, with its hashes and nothing else, then the wheel."""
        uv("venv", "--quiet", "--no-project", "--python", python, folder)
        install = cls(folder)
        install.add("--require-hashes", "--no-deps", "-r", ROOT / "requirements" / f"{name}.lock")
        install.add("--no-deps", wheel)
        uv("pip", "check", "--python", install.python)
        return install

    @classmethod
    def make(cls, folder, python, *requirements):
        """With these requirements, and what they bring: as locked, or by `scripts/smoke --all` the newest of it."""
        uv("venv", "--quiet", "--no-project", "--python", python, folder)
        install = cls(folder)
        install.add(*requirements, *(() if EVERYTHING else ("--constraints", ROOT / "requirements.lock")))
        uv("pip", "check", "--python", install.python)
        return install

    def add(self, *arguments):
        uv("pip", "install", "--quiet", "--python", self.python, *arguments)

    @property
    def python(self):
        return self.folder / "bin" / "python"

    def packages(self):
        """The names of what is installed."""
        lines = uv("pip", "freeze", "--python", self.python).splitlines()
        return {re.split(r"==| @ ", line)[0] for line in lines}

    def run(self, *arguments, program="pixyz-scheduler", folder, **environment):
        """A program of it, in this folder, which is its home too; nothing of the tree that it was built of is near."""
        folder.mkdir(exist_ok=True)
        return subprocess.run(
            [self.folder / "bin" / program, *map(str, arguments)],
            env=self._environment(folder, environment),
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    @contextmanager
    def running(self, *arguments, folder, **environment):
        """The command line with these arguments, until it is left; its log is in the folder."""
        folder.mkdir(exist_ok=True)
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [self.folder / "bin" / "pixyz-scheduler", *arguments],
                env=self._environment(folder, environment),
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait()

    def _environment(self, folder, more):
        return {"PATH": f"{self.folder / 'bin'}:{os.defpath}", "HOME": str(folder), **more}
