"""The journal of a batch: what was done of each input, in `.pixyz-batch.sqlite` in the output folder.

Inputs are known by their path from the output folder, so that both may be moved together. One program at a time
holds the journal. All that is asked of it is answered row by row, however many there are.

Tables:
    inputs   an input: where its files go, what it was when it was sent, the job that it became
    outputs  a file that a batch has put here: whose it is, and how it was left
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from pixyz_scheduler.cli.batch.inputs import Found, absolute
from pixyz_scheduler.cli.batch.places import places
from pixyz_scheduler.errors import Conflict, SchedulerError

NAME = ".pixyz-batch.sqlite"
State = Literal["new", "sent", "done", "failed"]
_PAGE = 100
_TABLES = """
CREATE TABLE IF NOT EXISTS inputs (
    input TEXT PRIMARY KEY, place TEXT NOT NULL, place_key TEXT NOT NULL UNIQUE, state TEXT NOT NULL DEFAULT 'new',
    digest TEXT, size INTEGER, mtime_ns INTEGER, work TEXT, url TEXT, key TEXT, uuid TEXT, error TEXT, run INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outputs (
    path TEXT PRIMARY KEY, input TEXT NOT NULL, size INTEGER, mtime_ns INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outputs_by_input ON outputs (input);
CREATE TEMP TABLE found (input TEXT PRIMARY KEY, below TEXT NOT NULL) WITHOUT ROWID;
"""


class JournalError(SchedulerError):
    """The journal cannot be read or written."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An input, as it stands in the journal."""

    input: str
    """Its path from the output folder."""
    place: str
    """Where in the output folder its files go, without suffix."""
    state: State
    digest: str | None
    """SHA-256 of its content when it was sent."""
    size: int | None
    mtime_ns: int | None
    work: str | None
    """What was to be done with it, as a digest."""
    url: str | None
    """The scheduler that it was sent to."""
    key: str | None
    """The Idempotency-Key that it was sent with."""
    uuid: str | None
    """The job's, once that was answered."""
    error: str | None


@dataclass(frozen=True)
class Left:
    """A file of ours in the output folder, as it was left; without size while it is on its way."""

    path: str
    size: int | None
    mtime_ns: int | None


_COLUMNS = ", ".join(each.name for each in fields(Entry))


class Journal:
    """What was done of each input of one output folder."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._sql = connection
        self._folder = absolute(folder)
        self._run = (connection.execute("SELECT max(run) FROM inputs").fetchone()[0] or 0) + 1

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator["Journal"]:
        """The folder's journal, for this program alone."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(folder / NAME, timeout=0, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"Cannot keep a journal in {folder}: {error}.") from error
        try:
            _hold(connection, folder)
            yield cls(connection, folder)
        except sqlite3.Error as error:
            raise JournalError(f"The journal {folder / NAME} cannot be used: {error}.") from error
        finally:
            connection.close()

    def take_in(self, found: Iterable[Found]) -> int:
        """Note the inputs of this run, each once; how many there are. Our own outputs are none."""
        with self._whole():
            self._sql.executemany(
                "INSERT OR IGNORE INTO found VALUES (?, ?)",
                ((self._from_here(each.path), each.below) for each in found),
            )
            self._sql.execute("DELETE FROM found WHERE input IN (SELECT path FROM outputs)")
            self._sql.execute("UPDATE inputs SET run = ? WHERE input IN (SELECT input FROM found)", (self._run,))
            new = self._sql.execute(
                "SELECT input, below FROM found WHERE input NOT IN (SELECT input FROM inputs) ORDER BY input"
            )
            for path, below in new:
                self._give_place(path, below)
        return int(self._sql.execute("SELECT count(*) FROM inputs WHERE run = ?", (self._run,)).fetchone()[0])

    def entries(self, *, failed: bool = False) -> Iterator[Entry]:
        """The inputs of this run by their paths, each as it stands when it comes; only the failed ones where asked."""
        last = ""
        only = "AND state = 'failed'" if failed else ""
        while True:
            page = self._sql.execute(
                f"SELECT {_COLUMNS} FROM inputs WHERE run = ? AND input > ? {only} "  # noqa: S608  (our own names)
                f"ORDER BY input LIMIT {_PAGE}",
                (self._run, last),
            ).fetchall()
            if not page:
                return
            for row in page:
                yield Entry(**dict(zip((each.name for each in fields(Entry)), row, strict=True)))
            last = page[-1][0]

    def path_of(self, entry: Entry) -> Path:
        """Where the input lies."""
        return absolute(self._folder / entry.input)

    def target(self, path: str) -> Path:
        """Where a file of the output folder lies."""
        return Path(self._folder, *path.split("/"))

    def sending(self, entry: Entry, *, digest: str, size: int, mtime_ns: int, work: str, url: str, key: str) -> None:
        """Note that the input is about to be sent: from now on it is not sent twice."""
        self._sql.execute(
            "UPDATE inputs SET state = 'sent', digest = ?, size = ?, mtime_ns = ?, work = ?, url = ?, key = ?, "
            "uuid = NULL, error = NULL WHERE input = ?",
            (digest, size, mtime_ns, work, url, key, entry.input),
        )

    def sent(self, entry: Entry, uuid: str) -> None:
        """Note the job that the input has become."""
        self._sql.execute("UPDATE inputs SET uuid = ? WHERE input = ?", (uuid, entry.input))

    def done(self, entry: Entry, left: Iterable[Left]) -> None:
        """Note that the input's files are here, as they are. What other work has made of it before is none of ours."""
        with self._whole():
            self._sql.execute("UPDATE outputs SET size = NULL WHERE input = ?", (entry.input,))
            self._sql.executemany(
                "UPDATE outputs SET size = ?, mtime_ns = ? WHERE path = ?",
                ((each.size, each.mtime_ns, each.path) for each in left),
            )
            self._sql.execute("DELETE FROM outputs WHERE input = ? AND size IS NULL", (entry.input,))
            self._sql.execute("UPDATE inputs SET state = 'done', error = NULL WHERE input = ?", (entry.input,))

    def failed(self, entry: Entry, error: str) -> None:
        """Note why the input failed."""
        self._sql.execute("UPDATE inputs SET state = 'failed', error = ? WHERE input = ?", (error, entry.input))

    def left_by(self, entry: Entry) -> tuple[Left, ...]:
        """The files of an input."""
        rows = self._sql.execute("SELECT path, size, mtime_ns FROM outputs WHERE input = ?", (entry.input,))
        return tuple(Left(*row) for row in rows)

    def owner_of(self, path: str) -> tuple[str, Left] | None:
        """The input whose file this is, and how that was left."""
        row = self._sql.execute("SELECT input, path, size, mtime_ns FROM outputs WHERE path = ?", (path,)).fetchone()
        return None if row is None else (row[0], Left(*row[1:]))

    def claim(self, entry: Entry, paths: Iterable[str]) -> None:
        """Note that these files are about to be this input's."""
        with self._whole():
            self._sql.executemany(
                "INSERT OR REPLACE INTO outputs (path, input) VALUES (?, ?)", ((path, entry.input) for path in paths)
            )

    def _give_place(self, path: str, below: str) -> None:
        for place in places(below, path.rpartition("/")[2]):
            made = self._sql.execute(
                "INSERT OR IGNORE INTO inputs (input, place, place_key, run) VALUES (?, ?, ?, ?)",
                (path, place, place.casefold(), self._run),
            )
            if made.rowcount:
                return

    def _from_here(self, path: Path) -> str:
        try:
            return Path(os.path.relpath(path, self._folder)).as_posix()
        except ValueError:  # another drive, on Windows
            return path.as_posix()

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """All of it or nothing."""
        self._sql.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._sql.execute("ROLLBACK")
            raise
        self._sql.execute("COMMIT")


def _hold(connection: sqlite3.Connection, folder: Path) -> None:
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise Conflict(
                f"Another batch is at work in {folder}: wait for its end, or choose another folder."
            ) from error
        raise
    connection.executescript(_TABLES)
