"""Canaries: files beside the share that no one may touch."""

import hashlib
from pathlib import Path

_PLACES = ("canary.txt", "outside/canary.bin", "share-of-others/00000000-0000-4000-8000-000000000000/inputs/job.py")


class Canaries:
    """Some files under a folder; `put`, and later ask who was `harmed`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._was: dict[str, tuple[str, int, int]] = {}

    def put(self) -> None:
        """Write them."""
        for place in _PLACES:
            path = self._folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(place.encode() * 100)
            self._was[place] = _look(path)

    def harmed(self) -> list[str]:
        """Those that are gone, or other than they were in content, mode or time of writing."""
        return [place for place in self._was if not _is(self._folder / place, self._was[place])]


def _is(path: Path, was: tuple[str, int, int]) -> bool:
    return path.is_file() and not path.is_symlink() and _look(path) == was


def _look(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return hashlib.sha256(path.read_bytes()).hexdigest(), status.st_mode, status.st_mtime_ns
