#!/usr/bin/env python3
"""Does nothing for a while: to try out queues, time limits and cancelling."""

import time

from pixyz_worker.script import *


@pixyz_schedule(queue="cpu", timeout=3600)
def main(pc: ProgramContext, params: dict) -> dict:
    """Sleep.

    Params:
        seconds (float): how long; default 0.1.
    """
    seconds = params.get("seconds", 0.1)
    pc.progress_set_total(1)
    pc.progress_next(f"Sleeping for {seconds} seconds")
    time.sleep(seconds)
    return {"seconds": seconds}


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={}, input_file=None)
