"""As a failed assertion in C does."""

import os


def main(pc, params):
    os.abort()
