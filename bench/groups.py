"""Groups: the figures there are, by the name under which they are asked for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bench import first_line
from bench.figure import Figure
from bench.ground import Ground


@dataclass(frozen=True)
class Group:
    """Figures that are measured together, after the floors they stand beside."""

    measure: Callable[[Ground], Iterator[Figure]]
    floors: tuple[str, ...]


GROUPS: Mapping[str, Group] = {
    "first_line": Group(first_line.measure, ("floor.celery", "floor.fork", "floor.redis")),
}
