"""Gate: jobs that hold the slots of warm workers while others gather in line behind them, and then let them go."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.caller import whole
from bench.farm import Farm

# It imports what has the engine loaded, where a worker has one: nothing is loaded once the gate is open.
_SCRIPT = b"""
import importlib
import os
import time

def main(pc, params):
    if params["engine"]:
        importlib.import_module("trimesh")
    with open(params["there"], "w"):
        pass
    while not os.path.exists(params["opened"]):
        time.sleep(0.01)
"""


@contextmanager
def gate(running: Farm, slots: int, *, engine: bool) -> Iterator[None]:
    """Closed within; all of so many slots are held when it begins, and free soon after its end."""
    opened = running.folder / "opened"
    there = [running.folder / f"there-{number}" for number in range(slots)]
    with running.caller() as caller:
        held = [
            caller.post(
                caller.prepared(
                    "POST",
                    "/jobs",
                    whole(_SCRIPT, params={"engine": engine, "there": str(file), "opened": str(opened)}),
                )
            )
            for file in there
        ]
        while not all(file.exists() for file in there):
            time.sleep(0.01)
        try:
            yield
        finally:
            opened.touch()
        for uuid in held:
            caller.ended(uuid)
    for file in (*there, opened):
        file.unlink()
