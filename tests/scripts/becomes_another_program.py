"""Replaces itself; the other program ends well and has no result."""

import os


def main(pc, params):
    os.execv("/bin/true", ["true"])
