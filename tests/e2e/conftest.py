"""The whole stack as processes, once for all tests here; the client as a process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from pixyz_scheduler.cli.server import own_stack
from pixyz_scheduler.launcher.member import Member

ROOT = Path(__file__).parents[2]
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Running:
    """A stack that runs."""

    url: str
    key: str
    folder: Path
    members: tuple[Member, ...]

    @property
    def share(self) -> Path:
        return self.folder / "share"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PIXYZ_URL": self.url, "PIXYZ_TOKEN": self.key}

    @property
    def log(self) -> str:
        return (self.folder / "scheduler.log").read_text(errors="replace")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("stack")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT / "src")
    try:
        with own_stack(folder) as (stack, key):
            yield Running(stack.plan.url, key, folder, tuple(stack._members))
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@pytest.fixture
def api(stack: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, headers={"x-api-key": stack.key}, timeout=30) as client:
        yield client


@pytest.fixture
def cli(stack: Running, tmp_path: Path) -> Cli:
    def call(*arguments: object, status: int = 0) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "pixyz_scheduler", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=tmp_path, env=stack.environment, capture_output=True, text=True, check=False, timeout=150
        )
        assert done.returncode == status, f"{done.stdout}\n{done.stderr}\n{stack.log[-3000:]}"
        return done

    return call
