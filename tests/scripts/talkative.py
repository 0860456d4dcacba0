"""Takes longer than it may be silent, but is never silent so long."""

import time


def main(pc, params):
    for step in range(8):
        pc.progress_next(str(step))
        time.sleep(0.25)
    return "done"
