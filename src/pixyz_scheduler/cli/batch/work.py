"""What a batch does with each input, and what is left to do of one."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pixyz_scheduler.cli.batch.journal import Entry
from pixyz_scheduler.errors import BadInput

_PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Work:
    """A process or a script, with its params and options."""

    process: str | None
    script: Path | None
    params: Mapping[str, object] | None
    entrypoint: str | None = None
    queue: str | None = None
    time_limit: float | None = None
    cache: bool | None = None
    deduplicate: bool = False

    def digest(self) -> str:
        """Another one means that outputs which are there were made otherwise. Where it runs makes no difference."""
        told = {
            "process": self.process,
            "script": None if self.script is None else digest_of(self.script),
            "params": self.params or {},
            "entrypoint": self.entrypoint,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Skip:
    """Its outputs are there."""


@dataclass(frozen=True)
class TakeUp:
    """An earlier run has sent it."""

    uuid: str


@dataclass(frozen=True)
class Resend:
    """An earlier run was about to send it: with the same key it becomes one job."""

    key: str


@dataclass(frozen=True)
class Send:
    """It is new, has changed, or has failed."""


Step = Skip | TakeUp | Resend | Send


def next_step(entry: Entry, *, digest: str, work: str, url: str, outputs_are_there: bool) -> Step:
    """What is left to do of an input."""
    if (entry.digest, entry.work) != (digest, work):
        return Send()
    if entry.state == "done" and outputs_are_there:
        return Skip()
    # A job whose files were here once is asked for them again before anything is made anew.
    if entry.state in {"sent", "done"} and entry.url == url:
        if entry.uuid is not None:
            return TakeUp(entry.uuid)
        if entry.key is not None:
            return Resend(entry.key)
    return Send()


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's content."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError as error:
        raise BadInput(f"Cannot read {path}: {error.strerror or error}.") from error
    return digest.hexdigest()
