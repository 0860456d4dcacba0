"""pixyz-scheduler.conf: where it is looked for, and its lines, each with its number."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import parse_stream
from dotenv.variables import parse_variables

from pixyz_scheduler.errors import SettingsError

NAME = "pixyz-scheduler.conf"


@dataclass(frozen=True)
class Line:
    """One setting as a source gives it."""

    name: str
    value: str
    where: str
    """`/etc/pixyz-scheduler.conf, line 3` or `the environment`: fits after "in"."""


def places(*, environ: Mapping[str, str], cwd: Path, windows: bool = os.name == "nt") -> list[Path]:
    """Where the file may be, the first one wins."""
    if not windows:
        return [cwd / NAME, Path("/etc") / NAME]
    folders = [environ.get("APPDATA"), environ.get("ProgramData", environ.get("PROGRAMDATA"))]
    return [cwd / NAME, *(Path(folder, "PixyzSDK", NAME) for folder in folders if folder)]


@dataclass(frozen=True)
class Content:
    """What a file says: its settings, top to bottom, and in words which lines are none."""

    lines: tuple[Line, ...]
    problems: tuple[str, ...] = ()


def read(path: Path, *, environ: Mapping[str, str]) -> Content:
    """The settings of the file; `${NAME}` takes the environment's value, else an earlier line's.

    What is no text, or cannot be read, has no lines and one problem.
    """
    try:
        text = _text(path)
    except SettingsError as error:
        return Content((), (str(error),))
    lines: list[Line] = []
    problems: list[str] = []
    known: dict[str, str | None] = {}
    for binding in parse_stream(io.StringIO(text)):
        where = f"{path}, line {binding.original.line + _blank_lines(binding.original.string)}"
        if binding.error or (binding.key is not None and binding.value is None):
            problems.append(f"{where} is not NAME=value (quotes that never close count too).")
        elif binding.key is not None and binding.value is not None:
            seen = {**known, **environ}
            value = "".join(atom.resolve(seen) for atom in parse_variables(binding.value))
            known[binding.key] = value
            lines.append(Line(name=binding.key.upper(), value=value, where=where))
    return Content(tuple(lines), tuple(problems))


def _text(path: Path) -> str:
    try:
        # Windows editors begin a file with a byte order mark.
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}, line {line} is not UTF-8 text.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error


def _blank_lines(original: str) -> int:
    """The parser counts the blank lines before a setting as its own."""
    return original[: len(original) - len(original.lstrip())].count("\n")
