"""How jobs and files go on, on stderr: live bars on a terminal, plain lines in a pipe, nothing for programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pixyz_scheduler.cli import render

if TYPE_CHECKING:
    # Importing the client costs 130 ms that --help need not pay, rich 30 ms that a pipe need not.
    from rich.table import Column

    from pixyz_scheduler.client import JobDetails
    from pixyz_scheduler.client.wire import OnBytes

_WORTH_A_LINE = 16 << 20
"""Bytes of a file from which on a pipe hears of it on its way."""
_SHARES = 4
_LABEL = 24
"""Cells for the name of one of several jobs."""
_REST = 28
"""Cells for status, percent, time, and what parts them."""


@contextmanager
def of_jobs(*, quiet: bool, several: bool = False) -> Iterator[Callable[["JobDetails"], None]]:
    """Shows the changes of a job, or of several: a bar for each, else a line a change."""
    if quiet:
        yield lambda _: None
    elif not render.is_live():
        yield _ChangeLines().show
    else:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        label, bar_width = (_LABEL, 10) if several else (0, min(40, console.width // 4))
        # A line must not fill its row: a Ctrl-C that the terminal shows as ^C would begin another one.
        room = max(8, console.width - label - bar_width - _REST)
        names = TextColumn("{task.description}", markup=False, table_column=_cut(label))
        columns = (
            *([names] if several else ()),
            TextColumn("{task.fields[status]}"),
            BarColumn(bar_width),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[step]}", markup=False, table_column=_cut(room)),
        )
        with Progress(*columns, console=console) as bar:
            tasks: dict[str, TaskID] = {}
            if not several:
                tasks[""] = bar.add_task("", total=None, status="", step="")

            def show(job: "JobDetails") -> None:
                key = job.uuid if several else ""
                if key not in tasks:
                    tasks[key] = bar.add_task(render.clean(job.name or job.uuid[:8]), total=None, status="", step="")
                percent = 100 if job.succeeded else job.progress
                bar.update(
                    tasks[key],
                    total=None if percent is None else 100,
                    completed=percent or 0,
                    status=render.clean(job.status),
                    step=render.clean(job.step or job.waiting_for or ""),
                )

            yield show


@contextmanager
def of_file(name: str, *, quiet: bool = False, going: bool = False) -> Iterator["OnBytes"]:
    """Shows a file that comes, or is `going`. In a pipe a large one has a line at each quarter."""
    if quiet:
        yield lambda _done, _total: None
        return
    if not render.is_live():
        yield _ShareLines(f"{'Uploading' if going else 'Downloading'} {name}").show
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    # The bar of a job follows that of its upload, which has nothing more to say then.
    with Progress(*columns, console=Console(stderr=True), transient=going) as bar:
        task = bar.add_task(render.clean(name), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _cut(width: int) -> "Column":
    from rich.table import Column

    return Column(no_wrap=True, overflow="ellipsis", max_width=width)


class _ChangeLines:
    """One line for each change of a job: status, percent, step."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def show(self, job: "JobDetails") -> None:
        percent = "" if job.progress is None else f" {job.progress} %"
        text = f"{job.uuid} {job.status}{percent} {job.step or job.waiting_for or ''}".rstrip()
        if text != self._shown.get(job.uuid):
            render.note(text)
        self._shown[job.uuid] = text


class _ShareLines:
    """A line for each quarter of a large file."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._told = 0

    def show(self, done: int, total: int | None) -> None:
        if total is None or total < _WORTH_A_LINE:
            return
        share = done * _SHARES // total
        if share > self._told:
            self._told = share
            render.note(f"{self._doing}: {share * 100 // _SHARES} % of {total / 1e6:.0f} MB")
