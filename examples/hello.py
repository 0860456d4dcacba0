#!/usr/bin/env python3
"""The smallest job: says hello. Runs here (`python examples/hello.py -p '{"name": "Ada"}'`) and on a farm."""

from pixyz_worker.script import *


def main(pc: ProgramContext, params: dict) -> dict:
    """Greet.

    Params:
        name (str): whom to greet; default "world".
    """
    pc.progress_set_total(1)
    pc.progress_next("Greeting")
    return {"message": f"Hello, {params.get('name', 'world')}!"}


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={}, input_file=None)
