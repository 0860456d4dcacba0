"""Closes every file that it finds open, then returns."""

import os


def main(pc, params):
    os.closerange(0, 1000)
    return "nobody hears it"
