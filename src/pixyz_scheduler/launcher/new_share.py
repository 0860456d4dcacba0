"""What `up` does where its share is empty and its own store is not: a temporary folder does not survive a restart."""

import logging
from pathlib import Path

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.share_id import read_share_id
from pixyz_scheduler.surroundings import adopt_share

_log = logging.getLogger(__name__)


def accept_new_share(path: Path, store_url: str) -> None:
    """Take a share that has no id as that of our own store; one that has another's id is left to be refused.

    Raises:
        Unavailable: the share cannot be written, or the store does not answer.
    """
    share = Share(path)
    if read_share_id(share.root) is not None:
        return
    with connect(store_url) as client:
        known = KnownShare(client)
        if known.get() is not None:
            _log.warning("the share %s is empty: the files of earlier jobs are gone", path)
        adopt_share(share, known)
