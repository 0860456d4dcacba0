"""Writes what is no message into every socket and pipe that it finds open."""

import os
import stat
import time


def main(pc, params):
    for descriptor in range(3, 100):
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode):
                os.write(descriptor, b"\xff" * 100)
        except OSError:
            continue
    time.sleep(600)
