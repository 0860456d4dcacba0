"""A worker's parts at work on one script, in a process of their own.

`python worker_parts.py fork|spawn SCRIPT FOLDER [ENVIRONMENTS]`; with the last the script gets the packages that it
names, kept there. Says "at work" once the script has told a step, then watches it for ever.
"""

import json
import sys
import time
from pathlib import Path

from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.worker.children import slots_of
from pixyz_scheduler.worker.isolation.events import Exited, Message


def main():
    isolation, script, folder, *environments = sys.argv[1:]
    request = {"type": "request", "context": {"script": script, "params": {"end": "hang"}, "output_dir": folder}}
    settings = Settings(isolation=isolation, engine="none")
    if environments:
        (Path(folder) / "work" / "tmp").mkdir(parents=True)
        request["workspace"] = str(Path(folder) / "work")
        allowed = {"script_dependencies": "allow", "script_environments": environments[0]}
        settings = Settings(isolation=isolation, engine="none", **allowed)
    with (
        slots_of(settings) as slots,
        slots.child(request, since=lambda: time.monotonic() + 3600) as child,
    ):
        while True:
            for event in child.events(None):
                match event:
                    case Message({"type": "step"}):
                        print("at work", flush=True)
                    case Exited():
                        sys.exit(f"it has ended: {json.dumps(vars(event))}")


if __name__ == "__main__":
    main()
