"""Coverage: what a long run must have put to the test; what did not occur says nothing about what holds."""

import json
from collections import Counter
from collections.abc import Mapping

from tests.chaos.facts import SPOT, TERMINAL, Facts
from tests.chaos.families import Families
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
        **_of_workflows(facts),
        **{f"fault: {kind}": kinds.get(kind, 0) for kind in WEIGHTS},
    }


def _of_workflows(facts: Facts) -> dict[str, int]:
    families = Families(facts)
    flows = [flow for flow in families.workflows() if flow.children]
    children = [facts.records[job_id] for flow in flows for job_id in flow.ids]
    revoked = [child for child in children if child["state"] == "REVOKED"]
    return {
        "workflows that ended well": sum(flow.record["state"] == "SUCCESS" for flow in flows),
        "workflows started again": sum(int(flow.record["epoch"]) > 1 for flow in flows),
        "sub-tasks run again": sum(int(child["epoch"]) > 1 for child in children),
        "sub-tasks not run, as one before failed": sum(child.get("cause") == "upstream_failed" for child in children),
        "sub-tasks cancelled with their job": len(revoked),
        "sub-tasks removed with their job": len(families.below(facts.removed)),
        "outages between a sub-task and the next": _outages_between(facts, children),
        "sub-tasks met after the loss of the store": sum(
            len(one.ended) for one in facts.resumed or () if len(one.ended) < len(one.attempts)
        ),
    }


def _outages_between(facts: Facts, children: list[Mapping[str, str]]) -> int:
    """How often the store was killed after a sub-task had ended, and before one began that waited for it."""
    killed = [fault.at for fault in facts.faults if fault.kind.startswith("store killed")]
    spans = [
        (float(facts.records[other]["stopped"]), float(child["started"]))
        for child in children
        for other in (child.get("after") or "").split()
        if child.get("started") and facts.records.get(other, {}).get("stopped")
    ]
    return sum(any(begin < at < end for begin, end in spans) for at in killed)


def uncovered(facts: Facts) -> list[str]:
    """What did not occur."""
    return [name for name, count in covered(facts).items() if not count]
