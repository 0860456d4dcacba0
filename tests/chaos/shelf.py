"""Shelf: the share as it lies there at the end."""

import json
from collections.abc import Iterator
from pathlib import Path

from pixyz_scheduler.storage.state_files import ENDED, STATE
from tests.chaos.facts import Folder

_NO_JOBS = (".incoming", ".trash", ".ps-share-id")
_LENGTH_OF_AN_ID = 36


class Shelf:
    """Of one share, while nobody writes there.

    Args:
        share: its root.
    """

    def __init__(self, share: Path) -> None:
        self._share = share

    def folders(self) -> Iterator[Folder]:
        """Of jobs."""
        for path in self._jobs():
            inputs = path / "inputs"
            # A sub-task that only computes has a folder for its log, if it printed.
            files = inputs.iterdir() if inputs.is_dir() else ()
            yield Folder(path.name, {file.name: file.stat().st_size for file in files})

    def mirrored(self) -> dict[str, dict[str, str]]:
        """How each job ended, as its folder tells; those that do not are left out."""
        files = {path.name: path / STATE / ENDED for path in self._jobs()}
        return {job_id: json.loads(file.read_bytes())["record"] for job_id, file in files.items() if file.is_file()}

    def strangers(self) -> list[str]:
        """What else lies there."""
        return [path.name for path in self._share.iterdir() if path.name not in _NO_JOBS and not _is_job(path)]

    def _jobs(self) -> list[Path]:
        return [path for path in self._share.iterdir() if path.name not in _NO_JOBS and _is_job(path)]


def _is_job(path: Path) -> bool:
    return len(path.name) == _LENGTH_OF_AN_ID and path.is_dir()
