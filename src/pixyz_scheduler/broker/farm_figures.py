"""FarmFigures: what the whole farm is doing and has done, in numbers, in one look at the store.

Keys: (content; lifetime)
    ps:hops    hash, a Spread of each hop of the farm's attempts; for ever
    ps:counts  hash, likewise: `ended:<queue>:<outcome>:<process>` jobs, `retry:<queue>:<cause>` attempts, and for each
               queue the Spreads `wait:<queue>`, `run:<queue>` (of attempts) and `whole:<queue>` (of jobs)
    ps:served  see lua/prelude.lua, as all that is only read
Counted in the scripts that make the change: what is done once is counted once, whoever asks for it how often.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pixyz_scheduler.broker.records import PRIORITIES, RecordStore
from pixyz_scheduler.broker.spread import Spread
from pixyz_scheduler.jobs.hops import HOPS
from pixyz_scheduler.jobs.state import JobState

# No record is in the other two.
_STATES = tuple(state for state in JobState if state not in (JobState.PENDING, JobState.UNKNOWN))


@dataclass(frozen=True)
class QueueFigures:
    """One queue.

    Attributes:
        name: of it.
        waiting: jobs that the next free worker takes.
        oldest: seconds that one of them has stood in line, of those at its head the longest; None where none does.
        listeners: living workers that listen.
    """

    name: str
    waiting: int
    oldest: float | None
    listeners: int


@dataclass(frozen=True)
class WorkerFigures:
    """All workers that listen on the same queues.

    Attributes:
        queues: on these, commas between; `other` for all further sets where there are very many.
        workers: how many live.
        draining: of them leave.
        hindered: of the others take no jobs now.
        slots: jobs at a time.
        busy: jobs now.
    """

    queues: str
    workers: int
    draining: int
    hindered: int
    slots: int
    busy: int


@dataclass(frozen=True)
class FarmFigures:
    """The whole farm.

    Attributes:
        states: jobs that there are, by state as users know it.
        queues: the known ones, and those on which a worker has listened, a hundred at most.
        unserved: other queues in which jobs wait.
        delayed: jobs between two attempts.
        parked: jobs that wait for a licence token.
        leases: jobs that a worker has.
        awaiting: jobs that wait for the jobs they have started.
        seats_taken: licence tokens.
        seats: how many there are; None where no worker has said.
        workers: those that live, by what they listen on.
        hops: of attempts, by hop.
        ended: jobs by queue, outcome and process.
        retries: attempts by queue and cause.
        waits: of attempts by queue: in line until claimed.
        runs: likewise: from there until their processes were gone.
        wholes: of jobs by queue: from their submission to their end.
    """

    states: Mapping[str, int]
    queues: tuple[QueueFigures, ...]
    unserved: int
    delayed: int
    parked: int
    leases: int
    awaiting: int
    seats_taken: int
    seats: int | None
    workers: tuple[WorkerFigures, ...]
    hops: Mapping[str, Spread]
    ended: Mapping[tuple[str, str, str], int]
    retries: Mapping[tuple[str, str], int]
    waits: Mapping[str, Spread]
    runs: Mapping[str, Spread]
    wholes: Mapping[str, Spread]

    @classmethod
    def read(cls, records: RecordStore) -> "FarmFigures":
        """As it is now; raises StoreUnavailable."""
        asked = (PRIORITIES, *(state.value for state in _STATES))
        states, queues, unserved, totals, seats, workers, hops, counts = records.run("figures", *asked)
        delayed, parked, leases, awaiting = totals
        hops, counts = _hash(hops), _hash(counts)
        return cls(
            states={state.as_told.value: count for state, count in zip(_STATES, states, strict=True)},
            queues=tuple(_queue(*row) for row in sorted(queues)),
            unserved=unserved,
            delayed=delayed,
            parked=parked,
            leases=leases,
            awaiting=awaiting,
            seats_taken=seats[0],
            seats=int(seats[1]) if seats[1] else None,
            workers=tuple(WorkerFigures(*row) for row in sorted(workers)),
            hops={hop: Spread.of(hops, hop) for hop in HOPS},
            ended={_three(rest): count for rest, count in _counted(counts, "ended")},
            retries={_two(rest): count for rest, count in _counted(counts, "retry")},
            waits=_spreads(counts, "wait"),
            runs=_spreads(counts, "run"),
            wholes=_spreads(counts, "whole"),
        )


def _queue(name: str, waiting: int, oldest: int, listeners: int) -> QueueFigures:
    return QueueFigures(name, waiting, None if oldest < 0 else oldest / 1000, listeners)


def _hash(row: Sequence[Any]) -> dict[str, str]:
    return dict(zip(row[::2], row[1::2], strict=True))


def _counted(counts: Mapping[str, str], what: str) -> list[tuple[str, int]]:
    start = f"{what}:"
    return [(name.removeprefix(start), int(count)) for name, count in counts.items() if name.startswith(start)]


def _two(rest: str) -> tuple[str, str]:
    queue, cause = rest.split(":", 1)
    return queue, cause


def _three(rest: str) -> tuple[str, str, str]:
    # A process may be called anything that a file may.
    queue, outcome, process = rest.split(":", 2)
    return queue, outcome, process


def _spreads(counts: Mapping[str, str], what: str) -> Mapping[str, Spread]:
    queues = {rest.split(":", 1)[0] for rest, _ in _counted(counts, what)}
    return {queue: Spread.of(counts, f"{what}:{queue}") for queue in sorted(queues)}
