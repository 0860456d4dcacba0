"""Puts together what the admin commands need, from the settings of the server."""

from collections.abc import Callable

from pixyz_scheduler.broker.celery_app import make_celery
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.dispatch import CeleryDispatch
from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.share_id import read_share_id
from pixyz_scheduler.surroundings import adopt_share
from pixyz_scheduler.upkeep.reconcile import Reconcile


def make_reconcile(settings: Settings, *, dry_run: bool, tell: Callable[[str], None]) -> Reconcile:
    """What `admin reconcile` runs, on the share that is there, now the store's. Raises SettingsError without one.

    Args:
        settings: of the server.
        dry_run: nothing is written.
        tell: told in words where the store's jobs lay on another share until now.
    """
    if not settings.share_path.is_dir():
        raise SettingsError(f"SHARE_PATH is {settings.share_path}: there is no such folder.")
    client = connect(settings.store_url)
    celery = make_celery(broker_url=settings.broker_url, result_backend=settings.result_backend)
    share, known = Share(settings.share_path), KnownShare(client)
    before = known.get()
    # On purpose: who asks for this says that these files are the store's.
    now = read_share_id(share.root) if dry_run else adopt_share(share, known)
    if before not in (None, now):
        becomes = "would become" if dry_run else "is now"
        tell(f"Warning: {share.root} {becomes} the share of this store, whose jobs lay on another one (id {before}).")
    return Reconcile(
        records=RecordStore(client, pace=PACE.scaled(settings.lease_time_scale)),
        dispatch=CeleryDispatch(celery, client),
        share=share,
        dry_run=dry_run,
    )
