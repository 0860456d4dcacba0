"""uv, which prepares packages: where it is, how it is called, and whose fault it is when it fails."""

import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pixyz_scheduler.errors import PackagesMissing, Unavailable

_KEPT = 40
# What passes by itself: the index is away, or answers that it cannot now. Its words for a name that nobody has, and for
# what it refuses (401, 404), are the script's fault or the settings', and stay.
_AWAY = re.compile(
    r"dns error|connect error|connection (refused|reset|closed)|timed out|operation timeout|network is unreachable"
    r"|HTTP status server error|429 Too Many Requests|No space left on device|error sending request",
    re.IGNORECASE,
)


def find_uv() -> str:
    """The program: of the package `uv`, else on PATH; raises PackagesMissing."""
    if importlib.util.find_spec("uv") is not None:
        with suppress(FileNotFoundError):  # installed without its program, as some systems do
            return str(importlib.import_module("uv").find_uv_bin())
    found = shutil.which("uv")
    if found is None:
        raise PackagesMissing(
            "The script needs packages, and uv, which prepares them, is not on this machine: "
            'pip install "pixyz-scheduler[packages]", or put uv on the worker\'s PATH.'
        )
    return found


def install(packages: Sequence[str], into: Path, *, behind: Sequence[str]) -> None:
    """Make a virtual environment of this interpreter with these packages; uv's words go to our standard error.

    Args:
        packages: as PEP 508 writes them.
        into: a folder that is not there yet; it may be moved later.
        behind: folders whose packages are found where the environment has none of that name.

    Raises:
        PackagesMissing: they cannot be had.
        Unavailable: the index is away.
    """
    uv = find_uv()
    # In its own folder: the settings of a project that happens to lie above the worker's do not count.
    home = into.parent
    _run(
        [uv, "venv", "--quiet", "--no-project", "--relocatable", "--python", sys.executable, str(into)], home, packages
    )
    python = into / "bin" / "python"
    _run([uv, "pip", "install", "--no-progress", "--python", str(python), "--", *packages], home, packages)
    site = next(into.glob("lib/python*/site-packages"))
    (site / "_pixyz_worker.pth").write_text("".join(f"{folder}\n" for folder in behind))


def is_away(said: Sequence[str]) -> bool:
    """Whether what uv said last tells of surroundings that are away, and not of the packages."""
    return any(_AWAY.search(line) for line in said)


def _run(command: Sequence[str], folder: Path, packages: Sequence[str]) -> None:
    said: deque[str] = deque(maxlen=_KEPT)
    with subprocess.Popen(  # noqa: S603  (uv, with what was checked to be names of packages)
        command, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        for line in process.stderr or ():
            said.append(line)
            sys.stderr.write(line)
            sys.stderr.flush()
    if process.returncode == 0:
        return
    if is_away(said):
        raise Unavailable(f"The script's packages cannot be fetched now: {_last(said)}")
    raise PackagesMissing(
        f"The script's packages ({', '.join(packages)}) cannot be prepared: {_last(said)}", said="".join(said)
    )


def _last(said: Sequence[str]) -> str:
    """The line that says what is wrong: the last of the causes that uv names, else the last line."""
    lines = [line.strip() for line in said if line.strip()]
    causes = [line for line in lines if re.match(r"(error|cause|Caused by)\b", line)]
    return (causes or lines or ["uv said nothing"])[-1].removeprefix("cause: ").removeprefix("error: ")
