"""Quiet: where nothing but the fault that is measured disturbs."""

from collections import defaultdict

from tests.chaos.facts import Facts, Fault

STORE = "store"

_TOO_FEW_UP = 2
_MARGIN = 1.0
"""Seconds around a fault in which nothing is measured, at scale 1."""


class Quiet:
    """Asks of spans of time, of one run."""

    def __init__(self, facts: Facts) -> None:
        self._margin = _MARGIN * facts.scale
        self._names = facts.names
        self._up = facts.workers_up
        self._targets: dict[str, list[Fault]] = defaultdict(list)
        for fault in facts.faults:
            self._targets[fault.target].append(fault)

    def store(self, begin: float, end: float) -> bool:
        """No outage of the store."""
        return self.target(STORE, begin, end)

    def farm(self, begin: float, end: float) -> bool:
        """No outage of the store, and enough workers."""
        up = [count for at, count in self._up if begin - 1 < at < end + 1]
        return self.store(begin, end) and min(up, default=0) >= _TOO_FEW_UP

    def member(self, pid: int | None, begin: float, end: float) -> bool:
        """No fault of the member that has, or had, this pid; False where nobody knows whose it was."""
        return pid is not None and pid in self._names and self.target(self._names[pid], begin, end)

    def target(self, name: str, begin: float, end: float, *, but: Fault | None = None) -> bool:
        """No other fault of this target."""
        others = (fault for fault in self._targets[name] if fault is not but)
        return not any(fault.at - self._margin < end and fault.until + self._margin > begin for fault in others)
