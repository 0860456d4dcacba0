"""Leaves a process behind that has left its session, its parents and its environment. Returns its pid."""

import os
import sys


def main(pc, params):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writing, str(os.getpid()).encode())
            os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)"], {})
        os._exit(0)
    return int(os.read(reading, 20))
