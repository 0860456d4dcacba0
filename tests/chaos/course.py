"""Course: what is to be run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pixyz_scheduler.jobs.pace import PACE


@dataclass(frozen=True)
class Course:
    """Of one run.

    Attributes:
        folder: where everything lies; empty.
        minutes: of faults; then comes the calm.
        faults: enough of them; the run ends then.
        seed: of all choices. The machine's own timing is not repeated.
        scale: of the protocol's times.
        workers: how many.
        gap: seconds between two faults, on average.
        open_jobs: how many jobs may be under way at once; 0 for three a worker. With fewer than there are workers,
            what is lost under one finds another free.
        tokens: of the licence; 0 for no limit. Who waits for one has no doorbell to lose.
        fsync: `appendfsync` of the store; None for the embedded store's.
        rebirth: lose the store at the end, and rebuild it from the share.
        say: told what goes on.
    """

    folder: Path
    minutes: float
    faults: int = 1_000_000
    seed: int = 0
    scale: float = 1.0
    workers: int = 6
    gap: float = 0.4
    open_jobs: int = 0
    tokens: int = 0
    fsync: str | None = None
    rebirth: bool = True
    say: Callable[[str], None] = print

    @property
    def drain_timeout(self) -> float:
        """Seconds that a stopping worker gives its job."""
        return 3.0 * self.scale

    @property
    def patience(self) -> float:
        """Seconds in which, once all is calm, something must end."""
        return 30.0 + 10 * PACE.scaled(self.scale).lease
