"""run_locally: one script or process in this very process, with no scheduler, so that a debugger works."""

import os
import sys
from pathlib import Path
from typing import Any

from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.engine.configured import engine_of
from pixyz_scheduler.script.local import LocalRun, run_here
from pixyz_scheduler.settings.settings import Settings


def run_locally(
    what: str, *, settings: Settings, entrypoint: str, params: Any, file: Path | None, output: Path | None, failed: int
) -> None:
    """Run it as `python script.py` would, and print what it gave back; ends the process where the script fails.

    Args:
        what: the name of a process, or the path of a script.
        settings: where the processes lie, and which engine they use.
        entrypoint: the function.
        params: its second argument.
        file: the input.
        output: folder of the outputs; None for one beside where we are.
        failed: the exit status of a script that raises.
    """
    script = Path(what).absolute() if what.endswith(".py") else ProcessCatalog(settings.process_path).path(what)
    # What lies beside it can be imported, as when it runs by itself.
    sys.path.insert(0, str(script.parent))
    sys.argv = [str(script)]
    os.environ.update(engine_of(settings).to_environment())
    outputs = Path(f"{script.stem}-outputs").absolute() if output is None else output
    given = None if file is None else str(file)
    run_here(LocalRun(script, entrypoint, params, given, outputs, failed=failed))
