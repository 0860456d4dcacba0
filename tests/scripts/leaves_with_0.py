"""Ends its process as if all were well, without a result."""

import os


def main(pc, params):
    os._exit(0)
