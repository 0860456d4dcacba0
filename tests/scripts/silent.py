"""Tells a step, then nothing more."""

import time


def main(pc, params):
    pc.progress_next("begun")
    time.sleep(600)
