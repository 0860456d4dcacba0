"""SpawnSlots: a new interpreter for each attempt (ISOLATION=spawn), on every system."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pixyz_scheduler.errors import Unavailable
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.worker.isolation.cgroup import MemoryGroups
from pixyz_scheduler.worker.isolation.enclosure import enclosure_of
from pixyz_scheduler.worker.isolation.events import Child, Since
from pixyz_scheduler.worker.isolation.spawned import Enclosed, SpawnedChild


class SpawnSlots:
    """A new interpreter for each attempt.

    Args:
        environment: of each child; no secret may be in it.
        freeze: seconds after the last moment of a tick when a job's tree is stopped.
        groups: where memory groups for the attempts are made; None for nowhere.
        enclosed: see SpawnedChild.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        freeze: float = PACE.freeze,
        groups: MemoryGroups | None = None,
        enclosed: Enclosed = enclosure_of,
    ) -> None:
        self._enclosed = enclosed
        self._environment = environment
        self._freeze = freeze
        self._groups = groups

    @contextmanager
    def child(self, request: Mapping[str, Any], *, since: Since) -> Iterator[Child]:
        """See Slots."""
        group = None if self._groups is None else self._groups.new()
        try:
            child = SpawnedChild(
                environment=self._environment, freeze=self._freeze, group=group, enclosed=self._enclosed
            )
        except OSError as error:
            raise Unavailable(f"No process could be made for the job: {error}.") from error
        try:
            child.start(request, since=since)
            yield child
        finally:
            child.close()
            if self._groups is not None and group is not None:
                self._groups.let_go(group)

    def close(self) -> None:
        """Nothing is kept."""
