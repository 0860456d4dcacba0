"""Runs `pixyz-scheduler` as users do: a process of its own, in a pipe or on a terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pexpect

from tests.fakes.scheduler_api import KEY

SOURCE = Path(__file__).resolve().parents[2] / "src"
COMMAND = [sys.executable, "-m", "pixyz_scheduler.cli.main"]


def environment(**more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PIXYZ_")}
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path, "PYTHONWARNINGS": "error"} | more


def run(server, *arguments, token=KEY, cwd=None, text=True, **env):
    """Run it in a pipe, with the server and its key in the environment."""
    url = server if isinstance(server, str) else server.url
    settings = environment(PIXYZ_URL=url, **({"PIXYZ_TOKEN": token} if token else {}), **env)
    arguments = [str(each) for each in arguments]
    return subprocess.run(
        [*COMMAND, *arguments], env=settings, cwd=cwd, capture_output=True, text=text, timeout=60, check=False
    )


def on_terminal(server, *arguments, columns=120):
    """Run it on a terminal; all that it showed, and its exit status."""
    settings = environment(PIXYZ_URL=server.url, PIXYZ_TOKEN=KEY, TERM="xterm-256color")
    child = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], *map(str, arguments)],
        env=settings,
        timeout=60,
        dimensions=(40, columns),
        encoding="utf-8",
    )
    shown = child.read()
    child.close()
    return shown, child.exitstatus
