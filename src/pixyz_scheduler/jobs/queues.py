"""Queue: a named lane, where its crashed jobs go next, and what their time limit becomes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pixyz_scheduler.errors import InvalidConfig

# A name becomes part of Redis keys, where ":" separates the priority.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

NAMED_QUEUES = ("clean", "control", "cpu", "gpu", "gpuhigh", "zip")
"""Those that we know; users and operators may invent others."""


@dataclass(frozen=True)
class Queue:
    """A named lane.

    Attributes:
        name: what workers listen on.
        fallback: the queue that takes a job once more after a crash; None where the crash is final.
    """

    name: str
    fallback: str | None


_GPUHIGH = "gpuhigh"
_KNOWN: Mapping[str, Queue] = MappingProxyType(
    {
        "cpu": Queue("cpu", _GPUHIGH),
        "gpu": Queue("gpu", _GPUHIGH),
        _GPUHIGH: Queue(_GPUHIGH, None),
    }
)


def queue_named(name: str) -> Queue:
    """The queue of that name. One that we do not know is a user's own: it takes its crashed jobs back itself, once.

    Raises:
        InvalidConfig: a name that cannot be a queue's.
    """
    known = _KNOWN.get(name)
    if known is not None:
        return known
    if not _NAME.fullmatch(name):
        raise InvalidConfig(
            f"queue {name!r} is not a queue's name: 1 to 64 letters, digits, '.', '_' and '-', a letter or digit first."
        )
    return Queue(name, name)


def retry_time_limit(own: float, retry: float) -> float:
    """Seconds that the second attempt may take: the larger of the job's own limit and PIXYZ_RETRY_TIME_LIMIT."""
    return max(own, retry)
