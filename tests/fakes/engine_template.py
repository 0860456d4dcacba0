"""A template process in small: imports the whole engine, uses nothing of it, and forks children that use all of it.

    python engine_template.py STEP FBX GLB FOLDER CHILDREN

Prints a JSON object: threads of the parent before it forks, what is missing, and how each child ended.
"""

import json
import os
import signal
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path

from pixyz_scheduler.engine.base import ThumbnailOptions
from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.engine.select import find_engine, preload


def main():
    step, fbx, mesh, folder, children = sys.argv[1:]
    missing = preload(EngineChoice())
    threads = len(list(Path("/proc/self/task").iterdir()))
    pids = [
        start(lambda number=number: use(step, fbx, mesh, Path(folder, str(number)))) for number in range(int(children))
    ]
    ends = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    print(json.dumps({"threads": threads, "missing": missing, "ends": ends}))


def start(work):
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(90)  # a child that hangs is killed by it, and its end says so
    status = 1
    try:
        work()
        status = 0
    except BaseException:  # noqa: BLE001  (whatever it was: the parent reads the status)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def use(step, fbx, mesh, folder):
    folder.mkdir()
    engine = find_engine(parallel=True)
    formats = engine.formats()
    for source in (step, fbx, mesh):
        if Path(source).suffix[1:] not in formats.reads:
            continue
        scene = engine.open(source)
        engine.metadata(scene)
        for target in ("glb", "stl", "obj", "ply", "3mf", "usdz", "step", "fbx", "dae"):
            if target in formats.writes:
                engine.convert(scene, folder / f"{Path(source).stem}.{target}")
        if find_spec("pixyz_scheduler.engine.open.thumbnails"):
            engine.thumbnails(scene, folder / f"{Path(source).stem} pictures", ThumbnailOptions(width=64, height=64))
        if "3mf" in formats.reads:
            engine.open(folder / f"{Path(source).stem}.3mf")
    use_cascadio(step)


def use_cascadio(step):
    try:
        import cascadio
    except ImportError:
        return
    if not cascadio.load(Path(step).read_bytes(), "step", tol_linear=0.2, use_parallel=True):
        raise RuntimeError("cascadio read nothing")


if __name__ == "__main__":
    main()
