"""Floods its log."""

import os


def main(pc, params):
    line = b"x" * 65535 + b"\n"
    for _ in range(1 << 14):
        os.write(1, line)
    os.write(2, b"the last line\n")
    return "printed"
