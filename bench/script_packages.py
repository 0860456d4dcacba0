#!/usr/bin/env python3
"""What a script's packages cost: from the request to a waiting child to the script's first line, in one run.

    .venv/bin/python bench/script_packages.py [--jobs 30] [--packages rich numpy]

Without packages; with packages that the worker has anyway; with a prepared environment ("warm"); and with one that must
be prepared ("cold": uv's own cache empty, then filled). The package of the default run is a tiny one made here and
nothing is fetched, so that the figures are this machine's and not the network's; `--packages` takes real ones from the
index that uv is configured with. The engine is in the template, as in a worker.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pixyz_scheduler.storage.workspaces import Workspaces
from pixyz_scheduler.worker.isolation.events import Exited, Message
from pixyz_scheduler.worker.isolation.slots import ForkSlots
from pixyz_scheduler.worker.isolation.template import Template
from pixyz_scheduler.worker.main import without_secrets
from pixyz_scheduler.worker.provision.allowance import Allowance
from tests.fakes.wheels import wheel

MAIN = "import time\nBEGAN = time.monotonic()\ndef main(pc, params):\n    return BEGAN\n"
# Seconds between two jobs: each meets a spare that is ready.
REST = 0.1


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=30)
    parser.add_argument("--packages", nargs="*", default=[])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pixyz-bench-") as folder:
        measure(Path(folder), asked.jobs, asked.packages)


def measure(folder: Path, jobs: int, packages: list[str]) -> None:
    """All ways, in one template."""
    environments, cache = folder / "environments", folder / "cache"
    variables = {"UV_CACHE_DIR": str(cache)}
    if not packages:
        wheel(folder, "tiny", "1.0", "")
        packages = ["tiny"]
        variables |= {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(folder)}
    allowance = Allowance(dependencies=True, environments=environments, environments_age=1e9)
    environment = {**without_secrets(os.environ), **variables, **allowance.to_environment()}
    scripts = {"none": [], "here": ["celery>=5"], "named": packages}
    for name, named in scripts.items():
        block = f"# /// script\n# dependencies = {json.dumps(named)}\n# ///\n" if named else ""
        (folder / f"{name}.py").write_text(block + MAIN)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    print(f"{os.cpu_count()} cores, {system}; packages: {' '.join(packages)}; ms from request to first line")
    with Template(engine=str(folder), environment=environment) as template, Workspaces(folder / "local") as workspaces:
        slots = ForkSlots(template, ahead=1)

        def once(name: str) -> float:
            return first_line(slots, workspaces, folder / f"{name}.py")

        for name in scripts:
            once(name)
        show("no packages", [once("none") for _ in range(jobs)])
        show("packages that the worker has", [once("here") for _ in range(jobs)])
        show("prepared (warm)", [once("named") for _ in range(jobs)])
        cold = []
        for _ in range(3):
            shutil.rmtree(environments)
            cold.append(once("named"))
        show("to be prepared, in uv's cache", cold)
        shutil.rmtree(environments)
        shutil.rmtree(cache)
        show("to be prepared (cold)", [once("named")])
        slots.close()


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
                            sys.exit(f"{script.name}: {error}")
                        case Exited():
                            return 1000 * (first - began)


def show(what: str, times: list[float]) -> None:
    """One line."""
    print(f"{what:34}{statistics.median(times):>9.1f} median{max(times):>9.1f} worst, of {len(times)}")


if __name__ == "__main__":
    main()
