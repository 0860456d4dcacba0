#!/usr/bin/env python3
"""Process `sleep`: a job that does nothing, for as long as is asked."""

import time
from pathlib import Path
from typing import Any

from pixyz_scheduler.script.parameters import Parameters
from pixyz_worker.script import LocalPixyzTask, ProgramContext, pixyz_schedule


@pixyz_schedule(queue="cpu")
def main(pc: ProgramContext, params: dict[str, Any]) -> dict[str, Any]:
    """Wait, to try out queues, progress, time limits and cancelling.

    Params:
        sleep (number): seconds to wait in all, at least 0; default 1.
        steps (int): in how many equal steps of progress, 1 to 1000; default 1.

    Example:
        {"sleep": 10, "steps": 5}

    Result:
        {"sleep": 10}
    """
    asked = Parameters(params, process="sleep")
    seconds = asked.number("sleep", default=1, least=0) or 0
    steps = asked.whole("steps", default=1, least=1, most=1000) or 1
    pc.progress_set_total(steps)
    for _ in range(steps):
        pc.progress_next(f"Sleeping for {seconds / steps:g} seconds")
        time.sleep(seconds / steps)
    return {"sleep": seconds}


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, str(Path.cwd()), "main", params={}, input_file=None)
