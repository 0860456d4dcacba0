"""LiveRows: a table on a terminal of what is at work now, with a bar for the whole below it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pixyz_scheduler.cli import render
from pixyz_scheduler.cli.table import end_of

if TYPE_CHECKING:
    # rich costs 30 ms that a pipe need not pay.
    from rich.console import Group

_BESIDE = 12 + 4 + 3
"""Cells that bar, percent and gaps take; name and step share the rest."""
_RESERVED = 4
"""Lines of the terminal that the rows leave free."""


class LiveRows:
    """Rows by name. It is told of changes from one thread and drawn by another."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True)
        self._rows: dict[str, tuple[str, int | None]] = {}
        self._changing = threading.Lock()
        self._whole = Progress(
            BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[counts]}", markup=False)
        )
        self._task = self._whole.add_task("", total=total, counts="")

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show them meanwhile; at the end only the bar stays."""
        from rich.live import Live

        with Live(
            get_renderable=self._drawn,
            console=self._console,
            refresh_per_second=8,
            redirect_stdout=sys.stdout.isatty(),  # what goes to a pipe stays there
        ):
            try:
                yield
            finally:
                with self._changing:
                    self._rows.clear()

    def put(self, name: str, doing: str, percent: int | None) -> None:
        """Add or change a row."""
        with self._changing:
            self._rows[name] = (doing, percent)

    def end(self, name: str, counts: str, done: int) -> None:
        """Take a row away, and move the bar."""
        with self._changing:
            self._rows.pop(name, None)
        self._whole.update(self._task, completed=done, counts=counts)

    def _drawn(self) -> "Group":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        with self._changing:
            rows = list(self._rows.items())
        room = max(1, self._console.height - _RESERVED)
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(ratio=2, no_wrap=True, overflow="ellipsis")
        table.add_column(width=12)
        table.add_column(width=4, justify="right")
        table.add_column(ratio=2, no_wrap=True, overflow="ellipsis")
        for name, (doing, percent) in rows[:room]:
            bar = ProgressBar(total=100, completed=percent or 0, width=12)
            shown = "" if percent is None else f"{percent}%"
            table.add_row(
                Text(end_of(render.clean(name), (self._console.width - _BESIDE) // 2)),
                bar,
                shown,
                Text(render.clean(doing)),
            )
        # The last line must not fill its row: a Ctrl-C that the terminal shows as ^C would begin another one.
        return Group(table, self._whole) if rows else Group(self._whole)
