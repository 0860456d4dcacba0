"""All that the command line prints. On a terminal with rich, in a pipe as plain lines.

What was asked for goes to stdout; progress, notes and errors go to stderr, so that a pipe stays clean.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import logging

    from pixyz_scheduler.findings import Finding

COLOURS: Mapping[str, str] = {
    "SUCCESS": "green",
    "FAILURE": "red",
    "REJECTED": "red",
    "REVOKED": "yellow",
    "RETRY": "yellow",
}
_LEVELS: Mapping[str, str] = {"ok": "green", "warning": "yellow", "error": "bold red"}
NOT_FOR_PRINT = re.compile("[\x7f-\x9f\ud800-\udfff]")
"""What JSON need not escape, but a terminal must not get."""
CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
"""Names and texts of jobs come from others: an escape sequence in them must not reach the terminal."""

DRIVES = {code: text for code, text in CONTROLS.items() if code != ord("\r")}
COLOUR_CODES = re.compile(r"\x1b\[[0-9;]*m")
_log: "ContextVar[logging.Logger | None]" = ContextVar("log", default=None)


def prepare() -> None:
    """Let no character that the terminal's encoding lacks end a command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def line(text: str) -> None:
    """What was asked for, on a line of its own."""
    _print(text, sys.stdout)


def lines(texts: Sequence[str]) -> None:
    """What was asked for, each on a line of its own."""
    for text in texts:
        line(text)


def into_log() -> None:
    """From now on, what is told beside what was asked for is lines of the log, and not for people alone."""
    import logging  # lazy: 10 ms that --help need not pay

    _log.set(logging.getLogger("pixyz_scheduler.cli"))


def note(text: str) -> None:
    """Something to know beside what was asked for."""
    if (log := _log.get()) is None:
        _print(text, sys.stderr)
    else:
        log.info("%s", text.strip())


def warning(text: str) -> None:
    """Something that may be wrong."""
    if (log := _log.get()) is None:
        note(f"Warning: {text}")
    else:
        log.warning("%s", text)


def warnings(texts: object) -> None:
    """What the server, or a process, warns of: a list of texts where there is any."""
    for text in texts if isinstance(texts, list) else ():
        note(f"Warning: {text}")


def error(reason: Exception | str) -> None:
    """Why a command ends without what was asked for."""
    if (log := _log.get()) is None:
        note(f"Error: {reason}")
    else:
        log.critical("%s", reason)


def agreed(question: str) -> bool:
    """Whether who sits at the terminal says yes."""
    sys.stderr.write(f"{clean(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def clean(text: str) -> str:
    """The text without what would drive the terminal."""
    return text.translate(CONTROLS)


def cell(text: str) -> str:
    """A text on one line, as part of a row."""
    return clean(" ".join(text.split()))


def raw(piece: bytes) -> None:
    """What a script has printed, byte for byte."""
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def shown(text: str) -> None:
    """What a script has printed, for a terminal: its colours may stay, what else would drive it may not."""
    parts = COLOUR_CODES.split(text)
    codes = [*COLOUR_CODES.findall(text), ""]
    sys.stdout.write("".join(part.translate(DRIVES) + code for part, code in zip(parts, codes, strict=True)))
    sys.stdout.flush()


def tree(rows: Sequence[Sequence[str]]) -> None:
    """Rows of name, status, time, queue, uuid, remark: on a terminal in columns, uuids whole; else parted by tabs."""
    if not sys.stdout.isatty():
        for cells in rows:
            line("\t".join(cell(text) if number else clean(text) for number, text in enumerate(cells)))
        return
    from rich.console import Console
    from rich.text import Text

    from pixyz_scheduler.cli.tree import in_columns

    console = Console()
    for name, status, rest in in_columns([[clean(cell) for cell in cells] for cells in rows], width=console.width):
        colour = COLOURS.get(status.strip(), "cyan")
        console.print(Text.assemble(name, (status, colour), rest), no_wrap=True, overflow="ellipsis")


def finding(found: "Finding") -> None:
    """What doctor has found, and what to do, on one line; in a pipe parted by tabs."""
    cells = [cell(text) for text in (found.level.value, found.check, found.what, found.to_do)]
    if not sys.stdout.isatty():
        line("\t".join(cells))
        return
    from rich.console import Console
    from rich.text import Text

    level, check, what, to_do = cells
    rest = f"  {check:10}  {what}"
    Console().print(Text.assemble((f"{level:7}", _LEVELS[level]), rest, (f"  {to_do}" if to_do else "", "bold")))


def as_json(value: object) -> None:
    """What was asked for, for programs: indented on a terminal, else on one line."""
    _print(json_text(value, indent=2 if sys.stdout.isatty() else None), sys.stdout)


def as_json_line(value: object) -> None:
    """One of many things that were asked for, for programs: always on one line."""
    _print(json_text(value, indent=None), sys.stdout)


def is_live() -> bool:
    """Whether what is beside what was asked for is seen on a terminal."""
    return sys.stderr.isatty()


def is_read_by_eyes() -> bool:
    """Whether what was asked for is seen on a terminal."""
    return sys.stdout.isatty()


def saved(path: Path) -> None:
    """A file that lies on this machine now."""
    line(str(path))


def json_text(value: object, *, indent: int | None) -> str:
    """JSON that loses nothing: what the terminal must not get, or its encoding lacks, is escaped."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(value, indent=indent, ensure_ascii=not unicode)
    return NOT_FOR_PRINT.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _print(text: str, to: TextIO) -> None:
    print(clean(text), file=to, flush=True)
