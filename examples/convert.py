#!/usr/bin/env python3
"""Converts the input file: `python examples/convert.py -i frame.step -p '{"format": "glb"}' -o out`."""

from pathlib import Path

from pixyz_scheduler.engine.select import find_engine
from pixyz_worker.script import *


@pixyz_schedule(queue="cpu", timeout=3600)
def main(pc: ProgramContext, params: dict) -> dict:
    """Convert a 3D file.

    Params:
        format (str): the format to write, as a file extension; default "glb".
    """
    source = pc.get_input_file()
    if source is None:
        raise ValueError("Send a 3D file along: there is nothing to convert.")
    pc.progress_set_total(1)
    pc.progress_next(f"Converting {Path(source).name}")
    target = Path(source).with_suffix("." + params.get("format", "glb")).name
    return find_engine().convert(source, pc.get_output_dir(target)).to_json()


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={}, input_file=None)
