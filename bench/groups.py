"""Groups: the figures there are, by the name under which they are asked for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bench import (
    archives,
    cache,
    first_line,
    hops,
    idle,
    loaded,
    log_flood,
    progress,
    rates,
    reading,
    scale,
    script_packages,
    starting,
    transfers,
    workflow,
)
from bench.figure import Figure
from bench.ground import Ground


@dataclass(frozen=True)
class Group:
    """Figures that are measured together, after the floors they stand beside.

    Attributes:
        measure: makes them.
        floors: names of those floors.
        is_usual: measured where no group is named; not where it takes minutes.
    """

    measure: Callable[[Ground], Iterator[Figure]]
    floors: tuple[str, ...]
    is_usual: bool = True


GROUPS: Mapping[str, Group] = {
    "first_line": Group(first_line.measure, ("floor.celery", "floor.fork", "floor.redis")),
    "hops": Group(hops.measure, ("floor.celery",)),
    "rates": Group(rates.measure, ("floor.celery_rate", "floor.celery")),
    "loaded": Group(loaded.measure, ("floor.celery_rate", "floor.celery")),
    "progress": Group(progress.measure, ("floor.celery",)),
    "workflow": Group(workflow.measure, ("floor.celery_group",)),
    "reading": Group(reading.measure, ("floor.redis",)),
    "transfers": Group(transfers.measure, ("floor.cp", "floor.cp_fsync", "floor.redis")),
    "archives": Group(archives.measure, ("floor.deflate", "floor.redis")),
    "cache": Group(cache.measure, ("floor.celery",)),
    "starting": Group(starting.measure, ("floor.python",)),
    "idle": Group(idle.measure, ()),
    "log_flood": Group(log_flood.measure, ()),
    "scale": Group(scale.measure, ("floor.redis",), is_usual=False),
    "script_packages": Group(script_packages.measure, ("floor.python",)),
}
