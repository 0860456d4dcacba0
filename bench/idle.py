"""Idle: memory and processor time of processes that have nothing to do, with all that they have started."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from bench.caller import whole
from bench.farm import Farm, WorkerPlan, farm
from bench.figure import Figure
from bench.ground import Ground

_MIB = 1 << 20
_PATIENCE = 60.0
_NEEDS_ENGINE = b"import trimesh\n\ndef main(pc, params):\n    pass\n"


@dataclass(frozen=True)
class _Idler:
    """One whose cost is measured.

    Attributes:
        name: of its figures.
        title: likewise.
        plan: of the worker; None for the API.
        most: MiB that it may have; None for any.
    """

    name: str
    title: str
    plan: WorkerPlan | None = None
    most: int | None = None


_IDLERS = (
    _Idler("api", "API", most=90),
    _Idler(
        "worker_loaded",
        "worker, one slot, the engine loaded",
        WorkerPlan("cpu", environment={"ENGINE_IDLE_TIME": "0"}),
    ),
    _Idler(
        "worker_unloaded",
        "worker, one slot, the engine unloaded",
        WorkerPlan("gpu", environment={"ENGINE_IDLE_TIME": "2"}),
        most=120,
    ),
    _Idler("bare_worker", "worker, one slot, DISABLE_PIXYZ", WorkerPlan("gpuhigh", engine=False)),
    _Idler("control", "control worker, five slots", WorkerPlan("control,zip,clean", slots=5, engine=False), most=120),
)


def measure(ground: Ground) -> Iterator[Figure]:
    """All of them side by side, each after some jobs."""
    with farm(ground.place()) as running:
        pids = {idler.name: _started(running, idler) for idler in _IDLERS}
        running.warm_up([queue for each in _IDLERS if each.plan for queue in each.plan.queues.split(",")])
        _load_engine(running, "cpu")
        _load_engine(running, "gpu")
        _await_unloading(pids["worker_unloaded"])
        # Spare children are made anew, caches settle.
        time.sleep(ground.some(5, 1))
        trees = {name: _tree(pid) for name, pid in pids.items()}
        before, began = {name: _used(tree) for name, tree in trees.items()}, time.monotonic()
        time.sleep(ground.some(20, 2))
        seconds = time.monotonic() - began
        for idler in _IDLERS:
            tree = trees[idler.name]
            yield _memory(idler, tree)
            share = 100 * (_used(tree) - before[idler.name]) / seconds
            title, excluded = f"{idler.title}: of a core", "the store's part"
            yield Figure(f"idle.{idler.name}_cpu", title, "%", (share,), excluded, target="under 0.5")


def _memory(idler: _Idler, tree: list[psutil.Process]) -> Figure:
    memory = sum(process.memory_full_info().pss for process in tree) / _MIB
    excluded = f"nothing; {len(tree)} processes, shared pages divided among those that share them"
    target = "" if idler.most is None else f"under {idler.most}"
    return Figure(f"idle.{idler.name}_memory", f"{idler.title}: PSS", "MiB", (memory,), excluded, target=target)


def _started(running: Farm, idler: _Idler) -> int:
    return running.api_pid if idler.plan is None else running.start_worker(idler.plan).pid or 0


def _load_engine(running: Farm, queue: str) -> None:
    """A job there that needs it."""
    with running.caller() as caller:
        caller.ended(caller.post(caller.prepared("POST", "/jobs", whole(_NEEDS_ENGINE, config={"queue": queue}))))


def _await_unloading(pid: int) -> None:
    """Until none of its processes has the engine's libraries."""
    give_up = time.monotonic() + _PATIENCE
    while any(_has_engine(process) for process in _tree(pid)):
        if time.monotonic() > give_up:
            raise RuntimeError(f"the engine is not unloaded after {_PATIENCE:g} s")
        time.sleep(0.2)


def _has_engine(process: psutil.Process) -> bool:
    try:
        return any("/OCP" in mapped.path for mapped in process.memory_maps())
    except psutil.NoSuchProcess:
        return False


def _tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _used(tree: list[psutil.Process]) -> float:
    """Seconds of processor time."""
    times = [process.cpu_times() for process in tree]
    return sum(time.user + time.system for time in times)
