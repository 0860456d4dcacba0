"""Glance: what one reading of a script tells at once: its text, and whether it may want the 3D engine."""

import os
import re
import stat
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

# Longer ones are read by the child alone: they would fill the channel.
_MOST = 64 * 1024
# As many texts are remembered; users send the same script with thousands of files.
_REMEMBERED = 64
_IMPORTS = re.compile(
    r"(?:^|[;:])[ \t]*(?:from[ \t]+(?P<module>[\w.]+)[ \t]+import\b|import[ \t]+(?P<modules>[^;#\n]+))", re.MULTILINE
)
_NAME = re.compile(r"[\w.]+")
# What brings modules in without naming them where we look.
_BY_THE_BACK_DOOR = re.compile(
    r"__import__|importlib|runpy|pkgutil|\bexec\b|\beval\b|subprocess|multiprocessing|\b(?:import|from)\b[^\n]*\\\r?\n"
)


@dataclass(frozen=True)
class Glance:
    """Of one script.

    Attributes:
        text: the whole of it; None where it is long, no UTF-8, or not there.
        is_plain: it imports nothing but the standard library and what the scheduler gives to scripts, so that it can
            run in a process that has no engine loaded. Where this is wrong, what it imports is loaded then: it is
            slower, and nothing else.
    """

    text: str | None = field(default=None, repr=False)
    is_plain: bool = False


def glance(script: Path) -> Glance:
    """Read a script once. Nothing is parsed and nothing raised: who runs it says what is wrong with it."""
    try:
        text = _read(script).decode()
    except (OSError, ValueError):
        return Glance()
    return Glance(text, is_plain(text))


@lru_cache(maxsize=_REMEMBERED)
def is_plain(text: str) -> bool:
    """See `Glance.is_plain`. By its lines: no text, however it is nested, can do this process any harm."""
    if _BY_THE_BACK_DOOR.search(text):
        return False
    return all(_is_known(name) for match in _IMPORTS.finditer(text) for name in _names(match))


def _names(match: re.Match[str]) -> list[str]:
    if match["module"] is not None:
        return [match["module"]]
    return [(_NAME.match(part.strip()) or [part])[0] for part in match["modules"].split(",")]


def _is_known(name: str) -> bool:
    root, _, rest = name.partition(".")
    if root == "pixyz_scheduler":
        return bool(rest) and rest.partition(".")[0] != "engine"
    return root == "pixyz_worker" or root in sys.stdlib_module_names


def _read(script: Path) -> bytes:
    """Of a plain file only: a pipe that somebody has put in its place would be waited for."""
    descriptor = os.open(script, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST:
            raise ValueError
        return file.read(_MOST) or b""
