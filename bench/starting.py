"""Starting: the command line, the API to its first answer, a worker to its first job."""

import subprocess
import sys
import time
from collections.abc import Iterator

from bench.caller import whole
from bench.farm import Farm, WorkerPlan, farm
from bench.figure import Figure
from bench.first_line import SCRIPT
from bench.floors import timed
from bench.ground import Ground

_FLOOR = "floor.python"


def measure(ground: Ground) -> Iterator[Figure]:
    """Each as a process of its own."""
    with farm(ground.place()) as running:
        rounds = ground.some(10, 2)
        for name, words in [("help", ["--help"]), ("jobs", ["jobs"])]:
            command = [sys.executable, "-m", "pixyz_scheduler", *words]
            taken = tuple(timed(lambda command=command: _call(command, running)) for _ in range(rounds))  # type: ignore[misc]
            title = f"pixyz-scheduler {' '.join(words)}, to its end"
            yield Figure(f"starting.{name}", title, "ms", taken, "a terminal", floor=_FLOOR)
        yield _api(ground, running)
        for name, plan in [("worker", WorkerPlan()), ("bare_worker", WorkerPlan(engine=False))]:
            taken = tuple(_first_job(running, plan) for _ in range(ground.some(5, 1)))
            title = f"a worker's start to a job's first line, {'the engine' if plan.engine else 'DISABLE_PIXYZ'}"
            yield Figure(f"starting.{name}", title, "ms", taken, "the watchdog's own start", floor=_FLOOR)


def _call(command: list[str], running: Farm) -> None:
    subprocess.run(command, check=True, env=running.client_environment(), stdout=subprocess.DEVNULL)


def _api(ground: Ground, running: Farm) -> Figure:
    taken = []
    for _ in range(ground.some(5, 1)):
        running.end(next(member for member in running.members if member.name == "API"))
        taken.append(timed(running.start_api))
    return Figure("starting.api", "the API's start to its first answer", "ms", tuple(taken), "nothing", floor=_FLOOR)


def _first_job(running: Farm, plan: WorkerPlan) -> float:
    with running.caller() as caller:
        uuid = caller.post(caller.prepared("POST", "/jobs", whole(SCRIPT)))
        began = time.monotonic_ns()
        worker = running.start_worker(plan)
        first: int = caller.ended(uuid)["result"]
    running.end(worker)
    return (first - began) / 1e6
