"""Puts links to what is not its own among its outputs."""

import os


def main(pc, params):
    os.symlink("/etc/passwd", pc.get_output_dir("passwd"))
    os.symlink("/", pc.get_output_dir("root"))
    os.symlink("../../..", pc.get_output_dir("up"))
    open(pc.get_output_dir("own.txt"), "w").write("own")
