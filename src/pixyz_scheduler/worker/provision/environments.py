"""Environments: folders of packages on this machine, each made once for whoever asks, and removed when long unused.

<folder>/<key>               whole, or not there
<folder>/.<key>-<random>     being made; a leftover where nobody holds the lock
<folder>/<key>.lock          held shared by who uses it, alone by who makes or removes it
"""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pixyz_scheduler.errors import StorageFull, Unavailable
from pixyz_scheduler.storage.disk import disk_in_words, remove_tree
from pixyz_scheduler.storage.locks import lock

_LOCK = ".lock"
_TO_LOCK = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True)
class Cached:
    """One environment that is there: when it was used last (epoch seconds), and its bytes."""

    key: str
    used: float
    size: int


@dataclass(frozen=True)
class Held:
    """An environment that stays as long as the lock is open, in this process or, inherited, in another."""

    path: Path
    lock: int
    was_made: bool


@dataclass(frozen=True)
class Environments:
    """The environments of one folder; any number of processes use it.

    Attributes:
        folder: on the machine's own disk; made when needed.
        max_bytes: of all of them together; 0 for no limit.
        max_age: seconds that one may lie unused.
    """

    folder: Path
    max_bytes: int
    max_age: float

    def hold(self, key: str, make: Callable[[Path], None], *, waits: Callable[[], None], now: float) -> Held:
        """The environment of this key, made where it is not there; others that ask meanwhile wait for it.

        Args:
            key: what it is for; fit to be a file's name.
            make: makes it in the folder that it is given, which is not there yet; what it raises is raised here, and
                nothing of the environment is left.
            waits: called once where another process is at it.
            now: epoch seconds.

        Raises:
            StorageFull, Unavailable: it cannot be kept there.
        """
        was_made = False
        with _folder_in_words(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.folder / key
            while True:
                held = self._locked(key, waits, shared=True)
                if path.is_dir():
                    os.utime(path, (now, now))
                    return Held(path, held, was_made)
                os.close(held)
                was_made = self._make(key, make, waits) or was_made

    def clean(self, *, now: float) -> list[str]:
        """Remove what is superfluous and not in use, and what killed processes left. Says which keys."""
        removed = []
        with _folder_in_words(self.folder):
            for key in superfluous(self._cached(), now=now, max_age=self.max_age, max_bytes=self.max_bytes):
                with self._alone(key) as is_alone:
                    if is_alone:
                        remove_tree(self.folder / key)
                        (self.folder / f"{key}{_LOCK}").unlink(missing_ok=True)
                        removed.append(key)
            for left in self.folder.glob(".*-*"):
                with self._alone(left.name[1:].rpartition("-")[0]) as is_alone:
                    if is_alone:
                        remove_tree(left)
        return removed

    def _make(self, key: str, make: Callable[[Path], None], waits: Callable[[], None]) -> bool:
        """Make it, unless it is there by now; whether it was made."""
        held = self._locked(key, waits, shared=False)
        unborn = self.folder / f".{key}-{secrets.token_hex(4)}"
        try:
            if (self.folder / key).is_dir():
                return False
            for left in self.folder.glob(f".{key}-*"):
                remove_tree(left)
            make(unborn)
            unborn.rename(self.folder / key)
        finally:
            with suppress(OSError):
                remove_tree(unborn)
            os.close(held)
        return True

    def _locked(self, key: str, waits: Callable[[], None], *, shared: bool) -> int:
        """A lock on the key, shared or alone: a descriptor that holds it while it is open."""
        path = self.folder / f"{key}{_LOCK}"
        while True:
            held = os.open(path, _TO_LOCK, 0o600)
            try:
                _wait_for(held, waits, shared=shared)
                if _is_still(path, held):
                    return held
            except BaseException:
                os.close(held)
                raise
            # Who removed the environment has removed the file that was waited for.
            os.close(held)

    @contextmanager
    def _alone(self, key: str) -> Iterator[bool]:
        """Whether nobody else uses or makes it, and none does meanwhile."""
        held = os.open(self.folder / f"{key}{_LOCK}", _TO_LOCK, 0o600)
        try:
            yield lock(held)
        finally:
            os.close(held)

    def _cached(self) -> Iterator[Cached]:
        for path in self.folder.iterdir():
            if not path.name.startswith(".") and path.is_dir():
                yield Cached(path.name, path.stat().st_mtime, _size(path))


def superfluous(there: Iterable[Cached], *, now: float, max_age: float, max_bytes: int) -> list[str]:
    """The keys of those to remove: unused for too long, then the longest unused until the rest has room."""
    by_use = sorted(there, key=lambda cached: cached.used)
    total = sum(cached.size for cached in by_use)
    doomed = []
    for cached in by_use:
        if now - cached.used > max_age or (max_bytes and total > max_bytes):
            doomed.append(cached.key)
            total -= cached.size
    return doomed


def _size(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118  (thousands of files)
    return total


def _wait_for(held: int, waits: Callable[[], None], *, shared: bool) -> None:
    if not lock(held, shared=shared):
        waits()
        lock(held, shared=shared, wait=True)


def _is_still(path: Path, descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


@contextmanager
def _folder_in_words(folder: Path) -> Iterator[None]:
    try:
        with disk_in_words(folder):
            yield
    except StorageFull:
        raise
    except OSError as error:
        raise Unavailable(
            f"SCRIPT_ENVIRONMENTS is {folder}: packages cannot be kept there: {error.strerror or error}."
        ) from error
