"""A worker's parts at work on one script, in a process of their own: `python worker_parts.py fork|spawn SCRIPT FOLDER`.

Says "at work" once the script has told a step, then watches it for ever.
"""

import json
import sys
import time

from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.worker.children import slots_of
from pixyz_scheduler.worker.isolation.events import Exited, Message


def main():
    isolation, script, folder = sys.argv[1:]
    context = {"script": script, "params": {"end": "hang"}, "output_dir": folder}
    with (
        slots_of(Settings(isolation=isolation, engine="none"), ahead=1) as slots,
        slots.child({"type": "request", "context": context}, since=lambda: time.monotonic() + 3600) as child,
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
