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

    # Importing the client costs 130 ms that --help need not pay, rich 30 ms that a pipe need not.
    from pixyz_scheduler.client import Attempt, JobDetails, JobState
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
LONGEST_NAME = 24
"""Cells that a name may take in a table; the error gets the rest."""
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


def no_outputs(job: str, *, started: int) -> None:
    """A job that has made no file, though it may have started others that have."""
    jobs = "job" if started == 1 else f"{started} jobs"
    more = f" Those of the {jobs} that it has started are their own: pixyz-scheduler graph -j {job}" if started else ""
    note(f"It has no files in its outputs.{more}")


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
            line("\t".join(_cell(cell) if number else clean(cell) for number, cell in enumerate(cells)))
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
    cells = [_cell(cell) for cell in (found.level.value, found.check, found.what, found.to_do)]
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
    _print_json(value)


def as_json_line(value: object) -> None:
    """One of many things that were asked for, for programs: always on one line."""
    _print(_json(value, indent=None), sys.stdout)


def is_live() -> bool:
    """Whether what is beside what was asked for is seen on a terminal."""
    return sys.stderr.isatty()


def is_read_by_eyes() -> bool:
    """Whether what was asked for is seen on a terminal."""
    return sys.stdout.isatty()


def sent(job: "JobState") -> None:
    """A job that was accepted, and how to go on."""
    state(job)
    if sys.stdout.isatty():
        note(f"The job is {job.status}. Follow it: pixyz-scheduler status -j {job.uuid} -w")


def next_steps(job: "JobDetails") -> None:
    """After a job's end, to eyes alone: how to get at what it made, and whether it had to make it."""
    if job.cached_from and sys.stdout.isatty():
        note(f"Not run: job {job.cached_from} has done the same work, and its outputs were taken.")
    if job.succeeded and sys.stdout.isatty():
        note("What it made: pixyz-scheduler details, outputs or download_all, each with -j UUID")


def saved(path: Path) -> None:
    """A file that lies on this machine now."""
    line(str(path))


def fetched(job: str, saved: Sequence[Path], *, as_json: bool) -> None:
    """Files of a job that lie on this machine now."""
    if as_json:
        _print_json({"uuid": job, "files": [str(path) for path in saved]})
        return
    for path in saved:
        line(str(path))


def delivered(job: "JobDetails", saved: Sequence[Path], told: object) -> None:
    """For programs: how a job ended that a file was wanted of, and where the files are."""
    _print_json(
        {
            "uuid": job.uuid,
            "status": job.status,
            "error": job.error,
            "warnings": [str(each) for each in told] if isinstance(told, list) else [],
            "files": [str(path) for path in saved],
        }
    )


def state(job: "JobState") -> None:
    """One job on one line; in a pipe parted by tabs."""
    cells = _cells(job)
    line("  ".join(filter(None, cells)) if sys.stdout.isatty() else "\t".join(cells))


def jobs(states: Sequence["JobState"]) -> None:
    """Jobs as a table; in a pipe one line each, parted by tabs, without a header."""
    if not sys.stdout.isatty():
        for job in states:
            state(job)
        return
    from rich.cells import set_cell_size
    from rich.console import Console
    from rich.text import Text

    # Who gave no name gets the process's: a column of blanks tells nothing.
    rows = [_cells(job, name=job.name or _process(job)) for job in states]
    width = min(max([len("name"), *(len(name) for *_, name, _ in rows)]), LONGEST_NAME)
    console = Console()
    heads = f"{'uuid':36}  {'status':8}  {'progress':>8}  {set_cell_size('name', width)}  error"
    console.print(Text(heads, style="bold"), no_wrap=True, overflow="ellipsis")
    for uuid, status, progress, name, reason in rows:
        rest = f"  {progress:>8}  {set_cell_size(name, width)}  {reason}"
        row = Text.assemble(f"{uuid:36}  ", (f"{status:8}", COLOURS.get(status, "cyan")), rest)
        console.print(row, no_wrap=True, overflow="ellipsis")


def details(job: "JobDetails") -> None:
    """All of a job, under headings."""
    times = job.time_info
    rows = {
        "uuid": job.uuid,
        "name": job.name or "-",
        "status": job.status,
        "progress": "-" if job.progress is None else f"{job.progress} %",
        "retry": str(job.retry),
        **({"waiting": job.waiting_for} if job.waiting_for else {}),
        **({"cause": job.cause} if job.cause else {}),
        **({"cached": f"from {job.cached_from}"} if job.cached_from else {}),
        **({"parent": job.parent} if job.parent else {}),
        **({"children": f"{len(job.children)} (pixyz-scheduler graph -j {job.uuid})"} if job.children else {}),
        "request": times.request or "-",
        "started": times.started or "-",
        "stopped": times.stopped or "-",
    }
    for key, value in rows.items():
        line(f"{key + ':':10}{value}")
    if job.attempts:
        line("attempts:")
        for attempt in job.attempts:
            line(f"  {_attempt(attempt)}")
    if job.steps:
        line("steps:")
        for step in job.steps:
            line(f"  {'running' if step.running else f'{step.duration:.3f} s':>12}  {step.info}")
    if job.result is not None:
        line("result:")
        line(_json(job.result, indent=2))
    if job.error:
        line("error:")
        lines(failure(job))


def failure(job: "JobState") -> Sequence[str]:
    """How a job failed: its traceback, and the reason where that says more."""
    told = (job.error or f"The job ended as {job.status}.").rstrip("\n")
    return [told] if not job.reason or job.reason in told else [told, job.reason]


def _attempt(attempt: "Attempt") -> str:
    how = {"exit status": attempt.exit_code or None, "signal": attempt.signal}
    why = "".join(f", {what} {value}" for what, value in how.items() if value is not None)
    memory = "" if attempt.peak_memory is None else f", {attempt.peak_memory / 1024:.0f} MiB at most"
    return f"{attempt.number}  {attempt.outcome}{why}{memory}; on {attempt.queue}, {attempt.worker}"


def _process(job: "JobState") -> str:
    process = job.raw.get("process")
    return process if isinstance(process, str) and process != "custom" else ""


def _cells(job: "JobState", *, name: str | None = None) -> tuple[str, str, str, str, str]:
    progress = "" if job.progress is None else f"{job.progress} %"
    return _cell(job.uuid), _cell(job.status), progress, _cell(name or job.name or ""), _cell(job.reason or "")


def _cell(text: str) -> str:
    return clean(" ".join(text.split()))


def _print_json(value: object) -> None:
    _print(_json(value, indent=2 if sys.stdout.isatty() else None), sys.stdout)


def _json(value: object, *, indent: int | None) -> str:
    """JSON that loses nothing: what the terminal must not get, or its encoding lacks, is escaped."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(value, indent=indent, ensure_ascii=not unicode)
    return NOT_FOR_PRINT.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _print(text: str, to: TextIO) -> None:
    print(clean(text), file=to, flush=True)
