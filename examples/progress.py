#!/usr/bin/env python3
"""Shows how far it is: steps with a text, and a value beside them while the job still runs."""

import time

from pixyz_worker.script import *


def main(pc: ProgramContext, params: dict) -> dict:
    """Count in steps.

    Params:
        steps (int): how many; default 5.
        seconds (float): how long each takes; default 0.2.
    """
    steps, seconds = params.get("steps", 5), params.get("seconds", 0.2)
    pc.progress_set_total(steps)
    for step in range(1, steps + 1):
        pc.progress_next(f"Step {step} of {steps}")
        time.sleep(seconds)
        pc.progress_output({"done": step})
    pc.progress_stop()
    return {"steps": steps}


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={}, input_file=None)
