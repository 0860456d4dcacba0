"""Surroundings: whether the share is the store's own and has room, asked before anything is taken, begun or removed."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.errors import StoreUnavailable, WrongShare
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.share_id import SHARE_ID, make_share_id, read_share_id
from pixyz_scheduler.storage.space import require_space

# What the store said is believed so long: the file is read each time, the store is not asked.
_BELIEVED = 5.0
# Who has looked a moment ago need not look again: what it did since then had no time to wait for anybody.
_A_MOMENT = 0.05


class Surroundings:
    """What jobs stand on; any number of threads may ask.

    Args:
        share: where job folders lie.
        known: which share the store's jobs lie on.
        min_free: bytes that must be free on every disk; 0 asks for nothing.
        local: a folder on the local disk where attempts work, where they do.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        share: Share,
        known: KnownShare,
        *,
        min_free: int = 0,
        local: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.share = share
        self._known = known
        self._min_free = min_free
        self._local = local
        self._clock = clock
        self._expected: str | None = None
        self._asked = 0.0
        self._lock = threading.Lock()
        self._looked = threading.local()

    def check(self, *, coming: int = 0) -> None:
        """Whether a job may be taken, or begun.

        Args:
            coming: bytes that are announced for the share.

        Raises:
            WrongShare: the share is not the store's own.
            Unavailable: the share, or the store that knows it, is away.
            StorageFull: too little room.
        """
        self.check_share()
        self._looked.at = self._clock()
        require_space(self.share.root, least=self._min_free, coming=coming)
        if self._local is not None:
            require_space(self._local, least=self._min_free)

    def check_share(self) -> None:
        """Whether the share is the store's own; raises WrongShare, Unavailable.

        A first start on an empty share gives it an id; a store that knows no share takes the one that is there.
        """
        found, now = read_share_id(self.share.root), self._clock()
        if found is not None and found == self._expected and now < self._asked + _BELIEVED:
            return
        expected = self._ask(found, now)
        if expected != (found := found or read_share_id(self.share.root)):
            raise WrongShare(_in_words(self.share.root, expected=expected, found=found))

    def check_share_again(self) -> None:
        """As `check_share`, unless the same thread has made a check a moment ago."""
        if self._clock() - getattr(self._looked, "at", -_A_MOMENT) >= _A_MOMENT:
            self.check_share()

    def known_since(self) -> float | None:
        """Since when the store knows what is put on this share, in epoch seconds; None where it knows no share."""
        return self._known.born()

    def _ask(self, found: str | None, now: float) -> str:
        try:
            expected = self._known.get()
            if expected is None:
                expected = self._known.meet(found or make_share_id(self.share.root))
        except StoreUnavailable:
            # What it said last holds while it is away.
            if self._expected is None:
                raise
            return self._expected
        with self._lock:
            self._expected, self._asked = expected, now
        return expected


def adopt_share(share: Share, known: KnownShare) -> str:
    """Take the share that is there as the store's own, on purpose; its id. Raises Unavailable."""
    share_id = read_share_id(share.root) or make_share_id(share.root)
    known.adopt(share_id)
    return share_id


def _in_words(root: Path, *, expected: str, found: str | None) -> str:
    there = f"has the id {found}" if found else f"has no {SHARE_ID}"
    return (
        f"The share {root} is not the one that the jobs of this store lie on: it {there}, expected is {expected}. "
        "Mount the right one, or take this one on purpose: pixyz-scheduler admin reconcile."
    )
