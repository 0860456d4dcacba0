"""A file on its way here: PATH.part, and beside it PATH.part.tag, which says what it is a part of.

With both, an interrupted download goes on where it was, also in another program. Without a tag that the server
can compare (a strong ETag), what has come so far is worth nothing and is not kept.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pixyz_scheduler.client.errors import TransferFailed


class Part:
    """What is here of the file that shall lie at `to`, fetched from `source`."""

    def __init__(self, to: Path, source: str) -> None:
        self.to = to
        self.size = 0
        """Bytes that are here."""
        self.etag: str | None = None
        """Of the file that they are the beginning of."""
        self._source = source
        self._path = to.with_name(f"{to.name}.part")
        self._tag = to.with_name(f"{to.name}.part.tag")
        self._file: BinaryIO | None = None
        self._ours = False

    def look(self) -> None:
        """See what an earlier program has left."""
        try:
            told = json.loads(self._tag.read_bytes())
            size = self._path.stat().st_size
        except (OSError, ValueError):
            return
        if isinstance(told, dict) and told.get("source") == self._source and isinstance(told.get("etag"), str):
            self.etag, self.size = told["etag"], size

    def begin(self, etag: str | None) -> None:
        """Open it, empty. A weak etag (W/"...") says too little to go on by."""
        self.close()
        self.size = 0
        self.etag = etag if etag is not None and not etag.startswith("W/") else None
        try:
            self.to.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("wb")
            self._ours = True
            if self.etag is None:
                self._tag.unlink(missing_ok=True)
            else:
                self._tag.write_text(json.dumps({"source": self._source, "etag": self.etag}), encoding="utf-8")
        except OSError as error:
            raise self._failed(error) from error

    def go_on(self) -> None:
        """Open it at its end."""
        self.close()
        try:
            self._file = self._path.open("r+b")
            self._file.seek(self.size)
            self._file.truncate()
        except OSError as error:
            raise self._failed(error) from error

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if self._file is None:
            raise RuntimeError("a part is written once it is open")
        try:
            self._file.write(chunk)
        except OSError as error:
            raise self._failed(error) from error
        self.size += len(chunk)

    def finish(self) -> None:
        """It is whole: put it in its place."""
        try:
            self._close()
            self._path.replace(self.to)
            self._tag.unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Let go of the file; what can't be gone on with does not stay."""
        try:
            self._close()
        except OSError as error:
            raise self._failed(error) from error
        if self.etag is None and self._ours:
            self.discard()

    def discard(self) -> None:
        """Remove what is here."""
        self.size, self.etag = 0, None
        # Where they could not be made they need not go; the first error is the one to tell.
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._tag.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.close()

    def _failed(self, error: OSError) -> TransferFailed:
        # A part that stays on a full disk keeps it full.
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # its last bytes find no room either
                file.close()
        self.discard()
        return TransferFailed(f"Cannot write {self.to}: {error.strerror or error}.")
