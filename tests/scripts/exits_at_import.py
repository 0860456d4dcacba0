"""Leaves before there is an entry point."""

import sys

sys.exit(7)


def main(pc, params):
    pass
