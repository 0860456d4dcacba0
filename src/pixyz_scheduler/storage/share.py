"""The shared folder: where every job's folder lies, and how a new one comes to be there whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pixyz_scheduler.errors import Conflict, Unavailable
from pixyz_scheduler.storage.content import Content
from pixyz_scheduler.storage.disk import disk_in_words, group_bits, is_real_folder, make_corner, remove_tree
from pixyz_scheduler.storage.incoming import Incoming
from pixyz_scheduler.storage.job_folder import TRASH, JobFolder

INCOMING = ".incoming"


class Share:
    """The folder that API and workers share. A relative root is resolved here, once.

    The root's own permission bits say who else gets in: what its group may do there, the group may do in a job's
    folder. Others may never do anything.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.content = Content(self.root)

    def folder(self, job_id: str) -> JobFolder:
        """The folder of a job, there or not; raises InvalidJobId."""
        return JobFolder(share=self.root, job_id=job_id)

    @contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """A private folder for what a request brings; gone on leaving unless a job has adopted it."""
        with disk_in_words(self.root), _there(self.root):
            path = make_corner(self.root, INCOMING) / secrets.token_hex(16)
            path.mkdir(mode=0o700)
            incoming = Incoming(share=self.root, path=path, group_bits=group_bits(self.root))
        try:
            with disk_in_words(path), _there(self.root):
                incoming.prepare()
            yield incoming
        finally:
            if not incoming.is_adopted:
                incoming.discard()
                remove_tree(path)

    def make_folder(self, job_id: str, sent: bytes | None = None) -> JobFolder:
        """The folder of a job that brings no files, such as a child of a workflow; one that is there is well.

        With `sent`, what is asked of it lies there, should the store be lost.
        """
        folder = self.folder(job_id)
        if not folder.exists():
            # Conflict: another process made it meanwhile.
            with self.incoming() as incoming, suppress(Conflict):
                if sent is not None:
                    incoming.describe(sent)
                incoming.adopt(folder.job_id)
        return folder

    def sweep(self, *, now: float, older_than: float) -> int:
        """Remove what a killed process left: old incoming folders, and all of the trash. Says how many.

        Args:
            now: seconds since the epoch.
            older_than: seconds in which nothing was written to an incoming folder; an upload in progress is younger.
        """
        left = [path for path in _children(self.root / INCOMING) if _touched(path) < now - older_than]
        left += _children(self.root / TRASH)
        for path in left:
            # Another process may sweep the same; what cannot be removed now is met again next time.
            with suppress(OSError):
                remove_tree(path)
        return len(left)


@contextmanager
def _there(root: Path) -> Iterator[None]:
    """A share that is unmounted between two steps is away, as it is before the first."""
    try:
        yield
    except FileNotFoundError as error:
        raise Unavailable(f"The share {root} went away.") from error


def _children(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if is_real_folder(folder) else []


def _touched(path: Path) -> float:
    """When something was last written anywhere below; a tree that vanishes meanwhile is old."""
    newest = 0.0
    for folder, _, names in os.walk(path):
        for name in (".", *names):
            with suppress(FileNotFoundError):
                newest = max(newest, os.lstat(Path(folder, name)).st_mtime)
    return newest
