#!/usr/bin/env python3
"""A chain that moves from one kind of machine to another: each step says on which queue it waits."""

import socket

from pixyz_worker.script import *


@pixyz_schedule(wait=True, timeout=600)
def main(pc: ProgramContext, params: dict) -> object:
    """Prepare on a machine with processors, draw on one with a graphics card.

    Params:
        name (str): what is drawn; default "cube".
    """
    step = pc.clone().update(raw=True, compute_only=True)
    return chain(
        pixyz_execute.s(params, step.clone(entrypoint="prepare")).set(queue="cpu"),
        pixyz_execute.s(pc=step.clone(entrypoint="draw")).set(queue="gpu"),
    )()


def prepare(pc: ProgramContext, params: dict) -> dict:
    """What needs no graphics card."""
    return {"name": params.get("name", "cube"), "prepared_on": socket.gethostname()}


def draw(pc: ProgramContext, prepared: dict) -> dict:
    """What needs one."""
    return {**prepared, "drawn_on": socket.gethostname()}


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={}, input_file=None)
