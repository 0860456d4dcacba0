"""HealthFigures: share and store, as one process sees them, for Prometheus. What hangs is told as away."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from pixyz_scheduler.errors import SchedulerError, StoreUnavailable
from pixyz_scheduler.monitoring import names
from pixyz_scheduler.monitoring.recent import Recent
from pixyz_scheduler.surroundings import Surroundings


@dataclass(frozen=True)
class ShareHealth:
    """The share.

    Attributes:
        is_up: it answers, and is the store's own, as far as the store says.
        free: bytes; None where it does not answer, as `size`.
        size: of its disk.
    """

    is_up: bool
    free: int | None = None
    size: int | None = None

    @classmethod
    def look(cls, surroundings: Surroundings) -> "ShareHealth":
        """As it is now; hangs where the share does."""
        try:
            disk = shutil.disk_usage(surroundings.share.root)
        except OSError:
            return cls(is_up=False)
        try:
            surroundings.check_share()
        except StoreUnavailable:
            # That is the store's to tell: the share answers.
            return cls(is_up=True, free=disk.free, size=disk.total)
        except (SchedulerError, OSError):
            return cls(is_up=False, free=disk.free, size=disk.total)
        return cls(is_up=True, free=disk.free, size=disk.total)


class HealthFigures(Collector):
    """The same of API and workers.

    Args:
        surroundings: of this process.
        is_store_up: whether the store answers, and takes writes; None where that is not known yet.
    """

    def __init__(self, surroundings: Surroundings, is_store_up: Callable[[], bool | None]) -> None:
        self._share = Recent(lambda: ShareHealth.look(surroundings))
        self._is_store_up = is_store_up

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked for it."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """As it is now."""
        is_up = self._is_store_up()
        if is_up is not None:
            yield names.STORE_UP.gauge(is_up)
        try:
            share = self._share.get()
        except TimeoutError:
            share = ShareHealth(is_up=False)
        yield names.SHARE_UP.gauge(share.is_up)
        if share.free is not None:
            yield names.SHARE_FREE.gauge(share.free)
        if share.size is not None:
            yield names.SHARE_SIZE.gauge(share.size)
