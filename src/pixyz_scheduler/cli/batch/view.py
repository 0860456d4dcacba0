"""What a batch shows: one live table on a terminal, a line for each end in a pipe, JSON lines for programs."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pixyz_scheduler.cli import render
from pixyz_scheduler.cli.live_rows import LiveRows

if TYPE_CHECKING:
    # Importing httpx costs 130 ms that --help need not pay.
    from pixyz_scheduler.cli.batch.run import Ended
    from pixyz_scheduler.errors import Unavailable

_SHOWN_FAILURES = 20
_SHOWN_WARNINGS = 20


class Tally:
    """Counts the ends of a batch of `total` inputs, and shows each as it comes; a line each where it is a pipe."""

    def __init__(self, total: int, *, as_json: bool) -> None:
        self.total = total
        self.counts: Counter[str] = Counter()
        self.from_cache = 0
        self.as_json = as_json
        self._away = False
        self._warned: set[str] = set()

    @property
    def left(self) -> int:
        """Inputs that have not come to their end."""
        return self.total - self.counts.total()

    def at_work(self, name: str, doing: str, percent: int | None) -> None:
        """Only ends are told in a pipe."""

    def ended(self, how: "Ended") -> None:
        """Count it and tell it."""
        self._away = False
        self.counts["skipped" if how.status == "SKIPPED" else "done" if how.good else "failed"] += 1
        self.from_cache += how.cached_from is not None
        if self.as_json:
            render.as_json_line(_told(how))
            return
        for warning in how.warnings:
            self._warn(how.input, warning)
        self.show_end(how)

    def show_end(self, how: "Ended") -> None:
        """A line for each end; the files' paths are what was asked for."""
        self.say(f"[{self.counts.total()}/{self.total}] {how.status} {how.input}{_reason(how)}")
        _show_paths(how)

    def _warn(self, name: str, warning: str) -> None:
        """Ten thousand parts of one kind have one warning to tell."""
        if warning not in self._warned and len(self._warned) < _SHOWN_WARNINGS:
            self._warned.add(warning)
            self.say(f"Warning: {name}: {warning} (more of this kind are not shown)")

    def say(self, text: str) -> None:
        """A line beside what was asked for."""
        if not self.as_json:
            render.note(text)

    def away(self, reason: "Unavailable") -> None:
        """Once for all that ask at the same time."""
        if not self._away:
            render.note(f"{reason} Asking again for a minute.")
        self._away = True

    def summary(self) -> str:
        """How it went, in one line."""
        known = {"done": self.counts["done"], "skipped": self.counts["skipped"], "failed": self.counts["failed"]}
        counts = [f"{number} {what}" for what, number in {**known, "left": self.left}.items() if number]
        if self.from_cache and counts:
            counts[0] += f" ({self.from_cache} of them not run: done before)"
        return f"{', '.join(counts)} of {self.total}"


class Table(Tally):
    """The same on a terminal: a table of what is at work, that stays in its place."""

    def __init__(self, total: int) -> None:
        super().__init__(total, as_json=False)
        self._rows = LiveRows(total)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show it meanwhile."""
        with self._rows.live():
            yield

    def at_work(self, name: str, doing: str, percent: int | None) -> None:
        """A row of the table."""
        self._rows.put(name, doing, percent)

    def show_end(self, how: "Ended") -> None:
        """Its row goes; why it failed stays, above the table."""
        self._rows.end(how.input, self.summary(), self.counts.total())
        if not render.is_read_by_eyes():
            _show_paths(how)
        if not how.good and self.counts["failed"] <= _SHOWN_FAILURES:
            self.say(f"{how.status} {how.input}{_reason(how)}")


def _show_paths(how: "Ended") -> None:
    for path in how.outputs if how.status == "SUCCESS" else ():
        render.saved(path)


def _reason(how: "Ended") -> str:
    lines = (how.reason or how.error or "").strip().splitlines()
    return f": {lines[-1].strip()}" if lines else ""


def _told(how: "Ended") -> dict[str, object]:
    return {
        "input": how.input,
        "status": how.status,
        "uuid": how.uuid,
        "outputs": [str(path) for path in how.outputs],
        "error": how.error,
        "warnings": list(how.warnings),
        "cached_from": how.cached_from,
    }
