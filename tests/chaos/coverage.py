"""Coverage: what a long run must have put to the test; what did not occur says nothing about what holds."""

import json
from collections import Counter

from tests.chaos.facts import SPOT, TERMINAL, Facts
from tests.chaos.faults import WEIGHTS
from tests.chaos.figures import faults_by_kind

_LONG_FAULTS = 1000
_LONG_SECONDS = 600.0


def is_long(facts: Facts) -> bool:
    """Whether a run must have covered all."""
    seconds = facts.faults[-1].at - facts.faults[0].at if facts.faults else 0.0
    return len(facts.faults) >= _LONG_FAULTS or seconds >= 0.95 * _LONG_SECONDS


def covered(facts: Facts) -> dict[str, int]:
    """What must occur, how often it did."""
    outcomes = Counter(
        attempt["outcome"]
        for record in facts.records.values()
        for attempt in json.loads(record.get("attempts") or "[]")
    )
    ended = Counter(one.status for one in facts.cancels)
    kinds = faults_by_kind(facts)
    return {
        "reaps": outcomes["worker_lost"],
        "fenced attempts": facts.fenced,
        "drained attempts": outcomes["drained"],
        "out of memory, run elsewhere": outcomes["out_of_memory"],
        "timeouts": outcomes["timeout"],
        "without progress": outcomes["no_progress"],
        "drains": len(facts.drains),
        "spot drains": kinds.get(SPOT, 0),
        "cancels of waiting jobs": ended["REVOKED"],
        "cancels of running jobs": sum(count for state, count in ended.items() if state and state not in TERMINAL),
        "retries by hand": sum(again.code == 200 for again in facts.agains),
        "deletions now": sum(one.code == 204 for one in facts.deletions),
        "deletions of running jobs": sum(one.code == 202 for one in facts.deletions),
        "keys sent again": sum(one.replayed for one in facts.accepted),
        "keys of another body, refused": sum(code == 422 for _, code in facts.misuses),
        "uploads cut by an API's kill": facts.cut_uploads,
        "jobs back from the share": len(facts.rebuilt or ()),
        **{f"fault: {kind}": kinds.get(kind, 0) for kind in WEIGHTS},
    }


def uncovered(facts: Facts) -> list[str]:
    """What did not occur."""
    return [name for name, count in covered(facts).items() if not count]
