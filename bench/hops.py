"""Hops: where the time of one job goes, from its POST to its SUCCESS, and how often the store is asked for it."""

import json
import time
from collections.abc import Iterator
from itertools import pairwise

from bench.caller import Caller, whole
from bench.farm import WorkerPlan, farm
from bench.figure import Figure
from bench.floors import REST
from bench.ground import Ground
from bench.store_watch import Command, StoreWatch, store_watch

_SCRIPT = b"import time\nBEGAN = time.time()\n\ndef main(pc, params):\n    return BEGAN\n"
_RUN = "EVALSHA"
# From each moment to the next.
_HOPS = {
    "store": "POST sent, to its record and doorbell in the store (read, checked, fsync)",
    "claim": "to its claim by the worker",
    "child": "to the script's first line (a spare child)",
    "leave": "to the attempt's end (the child and its tree are gone)",
    "commit": "to the commit in the store",
    "seen": "to a SUCCESS read by HTTP",
    "free": "commit to the worker listening again",
}


def measure(ground: Ground) -> Iterator[Figure]:
    """Each hop, then the round trips."""
    rows, trips = [], []
    with farm(ground.place(), WorkerPlan()) as running, running.caller() as caller, store_watch(running.store) as watch:
        request = caller.prepared("POST", "/jobs", whole(_SCRIPT))
        for _ in range(ground.some(100, 10)):
            row, count = _one(caller, request, watch)
            rows.append(row)
            trips.append(count)
    for number, (name, title) in enumerate(_HOPS.items()):
        taken = tuple(row[number] for row in rows)
        yield Figure(f"hops.{name}", title, "ms", taken, "nothing; MONITOR slows the store a little", "floor.celery")
    excluded = "renewals, the sweeper, and who asks for it"
    yield Figure("hops.trips", "round trips to the store for one job", "trips", tuple(trips), excluded)


def _one(caller: Caller, request: bytes, watch: StoreWatch) -> tuple[list[float], float]:
    """Milliseconds of each hop; round trips to the store."""
    sent = time.time()
    uuid = caller.post(request)
    # Submit, claim, commit.
    watch.wait(uuid, 3, _RUN)
    seen, asked = 0.0, 0
    while not seen:
        asked += 1
        seen = time.time() if caller.get(f"/jobs/{uuid}")["status"] == "SUCCESS" else 0.0
    # The last that is done for it, but its mirror on the share.
    watch.wait(uuid, 1, "SETEX")
    watch.wait(uuid, 4, _RUN)
    time.sleep(REST)
    own = watch.of(uuid)
    stored, claimed, committed = [command.at for command in own if command.text.startswith(_RUN)][:3]
    free = next(command.at for command in watch.seen if command.text.startswith("BRPOP") and command.at > committed)
    details = caller.get(f"/jobs/{uuid}/details")
    row = [sent, stored, claimed, details["result"], _ended(own), committed, seen]
    taken = [1000 * (after - before) for before, after in pairwise(row)]
    # MULTI, SETEX, PUBLISH and EXEC are one; BRPOP names no job.
    return [*taken, 1000 * (free - committed)], sum(not c.text.startswith("PUBLISH") for c in own) + 1 - asked


def _ended(own: list[Command]) -> float:
    """When the worker took the attempt for ended, as its commit says it: the report is rounded."""
    commit = [command.text for command in own if command.text.startswith(_RUN)][2]
    attempts, _ = json.JSONDecoder().raw_decode(commit, commit.index('[{"number"'))
    return float(attempts[-1]["stopped"])
