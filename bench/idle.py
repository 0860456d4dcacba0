"""Idle: memory and processor time of processes that have nothing to do, with all that they have started."""

import time
from collections.abc import Iterator

import psutil

from bench.farm import WorkerPlan, farm
from bench.figure import Figure
from bench.ground import Ground

_MIB = 1 << 20
_TARGETS = {"api": "90", "worker": "120", "bare_worker": "", "control": "120"}
_PLANS = {
    "worker": WorkerPlan("cpu"),
    "bare_worker": WorkerPlan("gpu", engine=False),
    "control": WorkerPlan("control,zip,clean", slots=5, engine=False),
}
_TITLES = {
    "api": "API",
    "worker": "worker, one slot, the engine",
    "bare_worker": "worker, one slot, DISABLE_PIXYZ",
    "control": "control worker, five slots",
}


def measure(ground: Ground) -> Iterator[Figure]:
    """All of them side by side, each after some jobs."""
    with farm(ground.place()) as running:
        pids = {"api": running.api_pid}
        pids |= {name: running.start_worker(plan).pid or 0 for name, plan in _PLANS.items()}
        running.warm_up([queue for plan in _PLANS.values() for queue in plan.queues.split(",")])
        # Spare children are made anew, caches settle.
        time.sleep(ground.some(5, 1))
        trees = {name: _tree(pid) for name, pid in pids.items()}
        before, began = {name: _used(tree) for name, tree in trees.items()}, time.monotonic()
        time.sleep(ground.some(20, 2))
        seconds = time.monotonic() - began
        for name, tree in trees.items():
            memory = sum(process.memory_full_info().pss for process in tree) / _MIB
            title, target = _TITLES[name], _TARGETS[name]
            excluded = f"nothing; {len(tree)} processes, shared pages divided among those that share them"
            target = target and f"under {target}"
            yield Figure(f"idle.{name}_memory", f"{title}: PSS", "MiB", (memory,), excluded, target=target)
            share = 100 * (_used(tree) - before[name]) / seconds
            excluded = "the store's part"
            yield Figure(f"idle.{name}_cpu", f"{title}: of a core", "%", (share,), excluded, target="under 0.5")


def _tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _used(tree: list[psutil.Process]) -> float:
    """Seconds of processor time."""
    times = [process.cpu_times() for process in tree]
    return sum(time.user + time.system for time in times)
