"""Pace: the times of the lease protocol, in one place, so that all parts of a farm agree on them."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Pace:
    """Seconds. Every process of a farm keeps the same pace.

    Why these: a worker that is cut off freezes its tree well before its lease can run out anywhere
    (`freeze + answer < lease`), and one renewal may fail, or two, without harm (`renew` fits several times).

    Attributes:
        renew: between two renewals of a lease.
        answer: that the store may take to answer a renewal or a sweep; rather none than a late one.
        freeze: without a renewal until the tree of an attempt is stopped.
        lease: of logical time that one renewal buys.
        sweep: between two looks for what nobody else does.
        clock_step: of logical time that may pass between two looks of the store at its clock, at most.
        ring: that a waiting job's lost doorbell is missed before it is rung again.
        deaf: that a worker with a free slot hears nothing of messages that wait, before it restarts.
    """

    renew: float = 1.0
    answer: float = 1.0
    freeze: float = 4.0
    lease: float = 7.0
    sweep: float = 0.5
    clock_step: float = 1.5
    ring: float = 3.0
    deaf: float = 20.0

    def scaled(self, factor: float) -> "Pace":
        """All times longer (above 1: slow networks) or shorter (below: tests) by the same factor."""
        return Pace(*(factor * getattr(self, field.name) for field in fields(self)))


PACE = Pace()
