"""Run as a program: milliseconds from fork to the child's first line, so many times; a small process, one thread."""

import os
import sys
import time


def main(count: int) -> None:
    for _ in range(count):
        reader, writer = os.pipe()
        began = time.monotonic_ns()
        if not (child := os.fork()):
            os.write(writer, str(time.monotonic_ns()).encode())
            os._exit(0)
        os.close(writer)
        print((int(os.read(reader, 64)) - began) / 1e6)
        os.close(reader)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
