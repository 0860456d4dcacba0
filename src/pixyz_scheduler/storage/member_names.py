"""MemberNames: whether the members of an archive can lie on this system's disk beside each other, under their names."""

import sys
import unicodedata
from collections.abc import Sequence

from pixyz_scheduler.errors import InvalidArchive
from pixyz_scheduler.storage.windows_names import fault

# Whose disks mostly tell no case apart: two files would become one, and nobody would know.
_BLIND = frozenset({"win32", "darwin"})


class MemberNames:
    """The names seen so far, of one archive.

    Args:
        archive: its name, for the error.
        platform: as `sys.platform` names it.
    """

    def __init__(self, archive: str, *, platform: str = sys.platform) -> None:
        self._archive = archive
        self._is_windows = platform == "win32"
        self._is_blind = platform in _BLIND
        self._seen: dict[tuple[str, ...], tuple[str, ...]] = {}

    def check(self, steps: Sequence[str]) -> None:
        """Raises InvalidArchive for a member whose path this system cannot have, or not beside another one."""
        if self._is_windows:
            for step in steps:
                if wrong := fault(step):
                    raise InvalidArchive(f"{self._archive} holds {'/'.join(steps)!r}: {step!r} {wrong}.")
        if self._is_blind:
            for length in range(1, len(steps) + 1):
                self._check_case(tuple(steps[:length]))

    def _check_case(self, path: tuple[str, ...]) -> None:
        same = tuple(unicodedata.normalize("NFC", step).casefold() for step in path)
        before = self._seen.setdefault(same, path)
        if before != path:
            raise InvalidArchive(
                f"{self._archive} holds {'/'.join(before)!r} and {'/'.join(path)!r}, which are one file on this system."
            )
