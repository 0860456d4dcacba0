"""Pending: what a command has sent and not yet fetched, in a small hidden file beside the output.

A command that is interrupted and given again takes the job up by it. It is gone once the command has ended,
however that was.
"""

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pixyz_scheduler.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Errand:
    """A job that is wanted, as far as it has come."""

    fingerprint: str
    """Of all that was asked; another one is another errand."""
    url: str
    key: str
    """The Idempotency-Key that it is sent with."""
    uuid: str | None = None


class Pending:
    """The note of an errand whose file shall lie at `output`; or whose files in it, if it is a folder."""

    def __init__(self, output: Path, *, folder: bool = False) -> None:
        self._output = output
        self._note = output / ".pixyz-job" if folder else output.with_name(f".{output.name}.pixyz-job")
        self._made: list[Path] = []

    def read(self) -> Errand | None:
        """The errand that was left unfinished."""
        try:
            return Errand(**json.loads(self._note.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, errand: Errand) -> Errand:
        """Note it; a place that cannot be written is seen before anything is sent."""
        try:
            self._make_folder(self._note.parent)
            self._note.write_text(json.dumps(vars(errand)), encoding="utf-8")
        except OSError as error:
            raise BadInput(f"Cannot write {self._output}: {error.strerror or error}.") from error
        return errand

    def sent(self, errand: Errand, uuid: str) -> None:
        """Note the job that it has become."""
        self.write(replace(errand, uuid=uuid))

    def remove(self) -> None:
        """There is nothing to come back to; also the folders that were made for nothing go."""
        with suppress(OSError):
            self._note.unlink(missing_ok=True)
            for folder in reversed(self._made):
                folder.rmdir()

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        self._made.append(folder)


def fingerprint(*, file: Path, process: str, params: object) -> str:
    """A digest of all that is asked."""
    import hashlib  # lazy: OpenSSL costs 8 ms that --help need not pay

    digest = hashlib.sha256(json.dumps([file.name, process, params], sort_keys=True).encode())
    try:
        with file.open("rb") as content:
            while piece := content.read(1 << 20):
                digest.update(piece)
    except OSError as error:
        raise BadInput(f"Cannot read {file}: {error.strerror or error}.") from error
    return digest.hexdigest()
