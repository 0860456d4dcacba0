"""Removes its whole folder on the share, and goes on."""

import os
import shutil


def main(pc, params):
    shutil.rmtree(os.path.dirname(pc.get_output_dir()))
    print("to a log that has no folder any more", flush=True)
    return "deleted"
