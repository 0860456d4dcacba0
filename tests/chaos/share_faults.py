"""ShareFaults: another share is in the place of the store's own, for a while."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pixyz_scheduler.storage.share_id import SHARE_ID
from tests.chaos.breakage import Breakage
from tests.chaos.facts import SHARE_GONE, Fault

_TARGET = "share"
_ANOTHER = "00000000-0000-4000-8000-000000000000"


class ShareFaults:
    """Each of `deeds` answers whether it could be done.

    What runs keeps its files: a script whose files vanish fails by its own error, and nobody could tell it from ours.

    Args:
        breakage: keeps the account.
        share: its root.
    """

    def __init__(self, breakage: Breakage, share: Path) -> None:
        self._breakage = breakage
        self._id = share / SHARE_ID

    @property
    def deeds(self) -> Mapping[str, Callable[[], bool]]:
        """By kind."""
        return {SHARE_GONE: self._swap}

    def _swap(self) -> bool:
        if _TARGET in self._breakage.busy or not self._id.exists():
            return False
        own = self._id.read_bytes()
        lasts = self._breakage.dice.uniform(2.5, 6)
        self._breakage.busy.add(_TARGET)
        began = time.time()
        self._put(_ANOTHER.encode())

        def heal() -> None:
            # As the run ends, before its time.
            self._breakage.faults.append(Fault(SHARE_GONE, _TARGET, began, time.time()))
            self._put(own)
            # Time to recover, else nothing ever runs.
            self._breakage.later(2 * self._breakage.lease, lambda: self._breakage.busy.discard(_TARGET))

        self._breakage.later(lasts, heal)
        return True

    def _put(self, text: bytes) -> None:
        new = self._id.with_name(f"{SHARE_ID}.new")
        new.write_bytes(text)
        new.replace(self._id)
