"""Forks as fast as it can. Root's processes are not counted by NPROC, so that there is a count of its own too."""

import mmap
import os
import resource
import time

MOST = 1000


def main(pc, params):
    resource.setrlimit(resource.RLIMIT_NPROC, (400, 400))
    count = mmap.mmap(-1, 8)
    while int.from_bytes(count[:8], "little") < MOST:
        count[:8] = (int.from_bytes(count[:8], "little") + 1).to_bytes(8, "little")
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)
    time.sleep(600)
