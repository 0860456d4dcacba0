"""Load: how much work some queues have, for who decides how many workers there shall be.

Keys: those of lua/prelude.lua, read only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pixyz_scheduler.broker.records import PRIORITIES, RecordStore
from pixyz_scheduler.errors import BadInput
from pixyz_scheduler.jobs.queues import queue_named

_MOST_QUEUES = 100
# Of those between two attempts: what is beyond is due within half a minute, and then in line.
_MOST_DELAYED = 1000


@dataclass(frozen=True)
class Load:
    """The work of some queues together.

    Attributes:
        waiting: jobs that a worker could take, now or within half a minute.
        running: jobs that a worker has.
    """

    waiting: int
    running: int

    @property
    def outstanding(self) -> int:
        """Both: so many slots would have something to do."""
        return self.waiting + self.running


def load_of(records: RecordStore, queues: Sequence[str]) -> Load:
    """The load of these queues together, read in one go; one of which nobody has heard has none.

    Raises:
        BadInput: a name that cannot be a queue's, or too many of them.
        StoreUnavailable: it is not known.
    """
    names = [queue_named(name).name for name in queues]
    if len(names) > _MOST_QUEUES:
        raise BadInput(f"{len(names)} queues are too many: at most {_MOST_QUEUES} may be asked for at a time.")
    waiting, running = records.run("load", _MOST_DELAYED, PRIORITIES, *names)
    return Load(waiting=waiting, running=running)
