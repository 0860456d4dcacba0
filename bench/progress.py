"""Progress: thousands of updates a second through the farm, and what a bystander's job waits meanwhile."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.caller import Caller, whole
from bench.farm import Farm, WorkerPlan, farm
from bench.figure import Figure
from bench.first_line import SCRIPT
from bench.floors import REST
from bench.ground import Ground
from bench.quantile import quantile

_TELLERS = 4
_EACH = 500
# So many looks at its file make no load.
_LOOK = 0.1
_TELLER = b"""
import os
import time

def main(pc, params):
    with open(params["there"], "w"):
        pass
    told, began = 0, time.monotonic()
    while not os.path.exists(params["opened"]):
        ends = time.monotonic() + params["look"]
        while (now := time.monotonic()) < ends:
            if params["each"] and told < (now - began) * params["each"]:
                told += 1
                pc.progress_next(f"step {told}")
            else:
                time.sleep(1 / params["each"] if params["each"] else params["look"])
    return told / (time.monotonic() - began)
"""


@dataclass(frozen=True)
class _Seen:
    """Of the bystander's jobs, milliseconds, and how many updates were told a second meanwhile."""

    posts: list[float]
    claims: list[float]
    rate: float


def measure(ground: Ground) -> Iterator[Figure]:
    """By turns without updates and with them; tellers and bystander share one worker."""
    count, rounds = ground.some(150, 10), ground.some(4, 1)
    with farm(ground.place(), WorkerPlan(slots=_TELLERS + 1)) as running:
        seen = [(_round(running, 0, count), _round(running, _EACH, count)) for _ in range(rounds)]
    yield Figure(
        "progress.rate",
        f"progress updates, {_TELLERS} jobs of one worker",
        "1/s",
        tuple(told.rate for _, told in seen),
        "nothing; each is a call of pc.progress_next, in steps of its job",
        more_is_better=True,
        target="2000",
    )
    quiet, told = ([each[at] for each in seen] for at in (0, 1))
    yield from _compared("post", "POST to the script's first line", [s.posts for s in quiet], [s.posts for s in told])
    yield from _compared("claim", "record to claim", [s.claims for s in quiet], [s.claims for s in told])


def _compared(name: str, title: str, quiet: list[list[float]], told: list[list[float]]) -> Iterator[Figure]:
    """Both, and by how much the slowest hundredth is later with updates, by turn."""
    without, among = tuple(ms for each in quiet for ms in each), tuple(ms for each in told for ms in each)
    excluded = f"one job at a time, of one slot beside {_TELLERS} that"
    yield Figure(f"progress.{name}_quiet", f"{title}, no updates", "ms", without, f"{excluded} sleep", "floor.celery")
    yield Figure(f"progress.{name}_told", f"{title}, among updates", "ms", among, f"{excluded} tell", "floor.celery")
    yield Figure(
        f"progress.{name}_p99_later",
        f"{title}: p99 among updates less without",
        "ms",
        (quantile(among, 0.99) - quantile(without, 0.99),),
        "the processor time of the scripts that tell is in it",
        target="at most 2" if name == "claim" else "",
        compared=False,
    )


def _round(running: Farm, each: int, count: int) -> _Seen:
    """One turn: the tellers begin, the bystander sends its jobs, the tellers end."""
    folder = running.folder / f"round-{time.monotonic_ns()}"
    folder.mkdir()
    with running.caller() as caller:
        tellers = [_teller(caller, folder, number, each) for number in range(_TELLERS)]
        while len(list(folder.iterdir())) < _TELLERS:
            time.sleep(0.01)
        posts, claims = _bystander(caller, count)
        (folder / "opened").touch()
        rate = sum(caller.ended(uuid)["result"] for uuid in tellers)
    return _Seen(posts, claims, rate)


def _teller(caller: Caller, folder: Path, number: int, each: int) -> str:
    params = {"there": str(folder / f"there-{number}"), "opened": str(folder / "opened"), "each": each, "look": _LOOK}
    return caller.post(caller.prepared("POST", "/jobs", whole(_TELLER, params=params)))


def _bystander(caller: Caller, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds to each first line, and in line until the claim."""
    request = caller.prepared("POST", "/jobs", whole(SCRIPT))
    posts, claims = [], []
    for _ in range(count):
        began = time.monotonic_ns()
        details = caller.ended(caller.post(request))
        posts.append((details["result"] - began) / 1e6)
        claims.append(1000 * details["timings"]["waited"])
        time.sleep(REST)
    return posts, claims
