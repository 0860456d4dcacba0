"""How jobs are shown: one, many, all of one, and what became of it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pixyz_scheduler.cli import render

if TYPE_CHECKING:
    # Importing the client costs 130 ms that --help need not pay.
    from pixyz_scheduler.client import Attempt, JobDetails, JobState

LONGEST_NAME = 24
"""Cells that a name may take in a table; the error gets the rest."""


def no_outputs(job: str, *, started: int) -> None:
    """A job that has made no file, though it may have started others that have."""
    jobs = "job" if started == 1 else f"{started} jobs"
    more = f" Those of the {jobs} that it has started are their own: pixyz-scheduler graph -j {job}" if started else ""
    render.note(f"It has no files in its outputs.{more}")


def sent(job: "JobState") -> None:
    """A job that was accepted, and how to go on."""
    state(job)
    if sys.stdout.isatty():
        render.note(f"The job is {job.status}. Follow it: pixyz-scheduler status -j {job.uuid} -w")


def next_steps(job: "JobDetails") -> None:
    """After a job's end, to eyes alone: how to get at what it made, and whether it had to make it."""
    if job.cached_from and sys.stdout.isatty():
        render.note(f"Not run: job {job.cached_from} has done the same work, and its outputs were taken.")
    if job.succeeded and sys.stdout.isatty():
        render.note("What it made: pixyz-scheduler details, outputs or download_all, each with -j UUID")


def fetched(job: str, saved: Sequence[Path], *, as_json: bool) -> None:
    """Files of a job that lie on this machine now."""
    if as_json:
        render.as_json({"uuid": job, "files": [str(path) for path in saved]})
        return
    for path in saved:
        render.line(str(path))


def delivered(job: "JobDetails", saved: Sequence[Path], told: object) -> None:
    """For programs: how a job ended that a file was wanted of, and where the files are."""
    render.as_json(
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
    render.line("  ".join(filter(None, cells)) if sys.stdout.isatty() else "\t".join(cells))


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
        row = Text.assemble(f"{uuid:36}  ", (f"{status:8}", render.COLOURS.get(status, "cyan")), rest)
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
        render.line(f"{key + ':':10}{value}")
    if job.attempts:
        render.line("attempts:")
        for attempt in job.attempts:
            render.line(f"  {_attempt(attempt)}")
    if job.steps:
        render.line("steps:")
        for step in job.steps:
            render.line(f"  {'running' if step.running else f'{step.duration:.3f} s':>12}  {step.info}")
    if job.result is not None:
        render.line("result:")
        render.line(render.json_text(job.result, indent=2))
    if job.error:
        render.line("error:")
        render.lines(failure(job))


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
    return (
        render.cell(job.uuid),
        render.cell(job.status),
        progress,
        render.cell(name or job.name or ""),
        render.cell(job.reason or ""),
    )
