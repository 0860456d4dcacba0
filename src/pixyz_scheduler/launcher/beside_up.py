"""beside_up: what works beside `pixyz-scheduler up` finds the store that this runs, where none is configured."""

import socket
from pathlib import Path

from pydantic import SecretStr

from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.store_url import StoreUrl


def beside_up(settings: Settings) -> Settings:
    """The settings with the address of that store; as they are, where one is configured or `up` does not run."""
    place = settings.data_path.absolute() / "store" / "store.sock"
    if settings.store_is_configured or not _listens(place):
        return settings
    url = StoreUrl(socket=str(place)).kombu
    return settings.model_copy(update={"celery_broker_url": SecretStr(url)})


def _listens(place: Path) -> bool:
    """One that was killed leaves its socket: nobody listens there."""
    if not hasattr(socket, "AF_UNIX"):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            return probe.connect_ex(str(place)) == 0
        except OSError:  # the path is longer than a socket's may be: that of `up` lies in a folder of its own then
            return False
