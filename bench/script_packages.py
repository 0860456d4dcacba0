"""What a script's packages cost: from the request to a waiting child to the script's first line.

Without packages; with packages that the worker has anyway; with a prepared environment; and with one that must be
prepared, with uv's own cache filled, then empty. The package of the default run is a tiny one made here and nothing is
fetched, so that the figures are this machine's and not the network's. The engine is in the template, as in a worker.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.figure import Figure
from bench.ground import Ground
from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.storage.workspaces import Workspaces
from pixyz_scheduler.worker.children import without_secrets
from pixyz_scheduler.worker.isolation.events import Exited, Message
from pixyz_scheduler.worker.isolation.fork_slots import ForkSlots
from pixyz_scheduler.worker.isolation.template import Template
from pixyz_scheduler.worker.provision.allowance import Allowance
from tests.fakes.wheels import wheel

MAIN = "import time\nBEGAN = time.monotonic()\ndef main(pc, params):\n    return BEGAN\n"
# Seconds between two jobs: each meets a spare that is ready.
REST = 0.1


def measure(ground: Ground) -> Iterator[Figure]:
    """All ways, in one template."""
    folder = ground.place()
    folder.mkdir()
    environments, cache = folder / "environments", folder / "cache"
    variables = {"UV_CACHE_DIR": str(cache)}
    packages = list(ground.packages)
    if not packages:
        wheel(folder, "tiny", "1.0", "")
        packages = ["tiny"]
        variables |= {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(folder)}
    allowance = Allowance(dependencies=True, environments=environments, environments_age=1e9)
    environment = {**without_secrets(os.environ), **variables, **allowance.to_environment()}
    _write_scripts(folder, {"none": [], "here": ["celery>=5"], "named": packages})
    with (
        Template(engine=EngineChoice(), environment=environment) as template,
        Workspaces(folder / "local") as workspaces,
    ):
        slots = ForkSlots(template, ahead=1)

        def once(name: str) -> float:
            return first_line(slots, workspaces, folder / f"{name}.py")

        yield from _figures(ground, once, [cache, environments], " ".join(packages))
        slots.close()


def _figures(ground: Ground, once: Callable[[str], float], kept: list[Path], packages: str) -> Iterator[Figure]:
    rounds = ground.some(30, 3)
    cache, environments = kept
    for name in ("none", "here", "named"):
        once(name)
    yield _figure("none", "no packages", [once("none") for _ in range(rounds)])
    yield _figure("here", "packages that the worker has", [once("here") for _ in range(rounds)])
    yield _figure("warm", f"{packages}, prepared", [once("named") for _ in range(rounds)])
    for name, title, emptied in [
        ("cached", "to be prepared, in uv's cache", [environments]),
        ("cold", "to be prepared, uv's cache empty", [environments, cache]),
    ]:
        taken = []
        for _ in range(ground.some(3, 1)):
            for folder in emptied:
                shutil.rmtree(folder)
            taken.append(once("named"))
        yield _figure(name, f"{packages}, {title}", taken)


def _figure(name: str, title: str, taken: list[float]) -> Figure:
    excluded = "HTTP, record and lease: from the request to a child that waits"
    title = f"script packages: {title}, to the first line"
    return Figure(f"script_packages.{name}", title, "ms", tuple(taken), excluded, floor="floor.python")


def _write_scripts(folder: Path, scripts: dict[str, list[str]]) -> None:
    for name, named in scripts.items():
        block = f"# /// script\n# dependencies = {json.dumps(named)}\n# ///\n" if named else ""
        (folder / f"{name}.py").write_text(block + MAIN)


def first_line(slots: ForkSlots, workspaces: Workspaces, script: Path) -> float:
    """Milliseconds from the request to the script's first line."""
    time.sleep(REST)
    with workspaces.open() as workspace:
        request = {"type": "request", "context": {"script": str(script)}, "workspace": str(workspace.path)}
        began, first = time.monotonic(), 0.0
        with slots.child(request, since=lambda: time.monotonic() + 3600) as child:
            while True:
                for event in child.events(None):
                    match event:
                        case Message({"type": "result", "value": float(value)}):
                            first = value
                        case Message({"type": "error", "error": error}):
                            raise RuntimeError(f"{script.name}: {error}")
                        case Exited():
                            return 1000 * (first - began)
