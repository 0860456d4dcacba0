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


def read(path: Path, *, environ: Mapping[str, str]) -> list[Line]:
    """The settings of the file, top to bottom; `${NAME}` takes the environment's value, else an earlier line's.

    Raises:
        SettingsError: not readable, not text, or a line that is not NAME=value.
    """
    lines: list[Line] = []
    known: dict[str, str | None] = {}
    for binding in parse_stream(io.StringIO(_text(path))):
        where = f"{path}, line {binding.original.line + _blank_lines(binding.original.string)}"
        if binding.error or (binding.key is not None and binding.value is None):
            raise SettingsError(f"{where} is not NAME=value (quotes that never close count too).")
        if binding.key is None or binding.value is None:
            continue
        seen = {**known, **environ}
        value = "".join(atom.resolve(seen) for atom in parse_variables(binding.value))
        known[binding.key] = value
        lines.append(Line(name=binding.key.upper(), value=value, where=where))
    return lines


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
