"""Guide: a page's commands, run by a shell in the order in which a reader pastes them."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(sh|bash|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Where the page shows a job's id, the reader puts in their own, of the command before.
_OWN_JOB = re.compile(r"JOB=\S+")
# What an error of HTTP is to fail, and a failure within a pipe.
_SHELL = 'set -eo pipefail; curl() { command curl -sS --fail-with-body "$@"; }; '


@dataclass(frozen=True)
class Guide:
    """A page of the documentation, by its path from the root."""

    page: str

    @property
    def text(self) -> str:
        """All of it."""
        return (ROOT / self.page).read_text(encoding="utf-8")

    @property
    def blocks(self) -> list[str]:
        """What is to be typed, block by block: of one with prompts only what stands behind these."""
        return [_typed(kind, block) for kind, block in _BLOCK.findall(self.text)]

    def saved(self, name: str, folder: Path) -> None:
        """Save the page's first Python script under this name, as the reader is told to."""
        script = re.search(r"^```python\n(.*?)^```$", self.text, re.DOTALL | re.MULTILINE)
        assert script is not None
        (folder / name).write_text(script[1], encoding="utf-8")


@dataclass(frozen=True)
class Reader:
    """Someone at a terminal, in a folder that looks like a fresh clone."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def begin(cls, folder: Path, environment: Mapping[str, str]) -> "Reader":
        """In an empty folder, with the programs that an installation brings."""
        programs = folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        _program(programs / "pixyz-scheduler", f'exec {sys.executable} -m pixyz_scheduler "$@"')
        _program(programs / "python", f'exec {sys.executable} "$@"')
        (programs / "activate").write_text(f'PATH="{programs}:$PATH"\n')
        for name in ("samples", "examples"):
            (folder / name).symlink_to(ROOT / name)
        at_home = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder)}
        return cls(
            folder, {**environment, **at_home, "API": environment["PIXYZ_URL"], "KEY": environment["PIXYZ_TOKEN"]}
        )

    def follow(self, blocks: list[str]) -> list[str]:
        """What each block has printed; all of its commands must have ended well."""
        printed: list[str] = []
        job = ""
        for block in blocks:
            found = _UUID.findall(printed[-1]) if printed else []
            job = found[0] if found else job
            printed.append(self._type(_OWN_JOB.sub(f"JOB={job}", block), job))
        return printed

    def _type(self, block: str, job: str) -> str:
        ended = subprocess.run(
            ["bash", "-c", _SHELL + block],
            cwd=self.folder,
            env={**self.environment, "JOB": job},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{block}\n{ended.stdout}{ended.stderr}"
        return ended.stdout


def _typed(kind: str, block: str) -> str:
    if kind != "console":
        return block
    return "".join(line[2:] + "\n" for line in block.splitlines() if line.startswith("$ "))


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
