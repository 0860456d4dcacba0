"""Loads a file of `processes/` as the child does: by its path. Until `pixyz_worker.script` is there, a stand-in is."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

PROCESSES = Path(__file__).parents[2] / "processes"


def load_process(name: str, monkeypatch) -> ModuleType:
    if importlib.util.find_spec("pixyz_worker.script") is None:
        monkeypatch.setitem(sys.modules, "pixyz_worker.script", _stand_in())
    spec = importlib.util.spec_from_file_location(f"process_{name}", PROCESSES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _stand_in() -> ModuleType:
    module = ModuleType("pixyz_worker.script")
    module.ProgramContext = dict
    module.LocalPixyzTask = object
    module.pixyz_schedule = lambda **_: lambda function: function
    return module
