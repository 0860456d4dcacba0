"""What happens to a child at work: one type an event, and Child, from which they come."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pixyz_scheduler.worker.isolation.memory import Scale


@dataclass(frozen=True)
class Message:
    """The child sent this over its channel."""

    content: Mapping[str, Any]


@dataclass(frozen=True)
class Nonsense:
    """The child's channel carried something that is no message."""

    error: str


@dataclass(frozen=True)
class Output:
    """The child printed this, on either stream."""

    text: bytes


@dataclass(frozen=True)
class Froze:
    """The tree was frozen because the worker was silent, or runs again."""

    frozen: bool


@dataclass(frozen=True)
class Exited:
    """The child and its whole tree are gone; nothing follows.

    Attributes:
        exit_code: where it left by itself.
        signal: that killed it.
        peak_memory: KiB of its largest resident set; None where nobody counts.
    """

    exit_code: int | None = None
    signal: int | None = None
    peak_memory: int | None = None


Since = Callable[[], float]
"""From when the lease counts, as a monotonic moment that is young enough for a child to begin: may wait for a renewal.

Raises LeaseLost where no child is to begin any more.
"""

Event = Message | Nonsense | Output | Froze | Exited


class Child(Protocol):
    """A child with its request handed over.

    Attributes:
        pid: its own.
        scale: weighs it and all that it started.
    """

    pid: int
    scale: Scale

    def events(self, timeout: float | None) -> Iterable[Event]:
        """What has happened; nothing after `timeout` seconds, or when interrupted. `Exited` is the last, ever."""

    def interrupt(self) -> None:
        """Make a waiting `events` return; from any thread."""

    def tick(self, asked: float) -> None:
        """The lease is held, as the store said when it was asked at this monotonic moment; from any thread."""

    def answer(self, message: Mapping[str, Any]) -> None:
        """Answer a call of the child's; one that does not listen misses it. By the thread that takes its events."""

    def kill(self) -> None:
        """End the whole tree; `Exited` follows. Asked again because it does not: by force."""
