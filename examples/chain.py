#!/usr/bin/env python3
"""One step after the other: each begins with what the one before it returned."""

from pixyz_worker.script import *


@pixyz_schedule(wait=True, timeout=600)
def main(pc: ProgramContext, params: dict) -> object:
    """Double a number, and write it down.

    Params:
        number (int): default 21.
    """
    # raw: a step hands on exactly what it returns. compute_only: it has no folder of its own, and uses ours.
    step = pc.clone().update(raw=True, compute_only=True)
    return chain(
        pixyz_execute.s(params.get("number", 21), step.clone(entrypoint="double")),
        pixyz_execute.s(pc=step.clone(entrypoint="write")),
    )()


def double(pc: ProgramContext, number: int) -> int:
    """Twice as much."""
    return 2 * number


def write(pc: ProgramContext, number: int) -> dict:
    """Into a file among the job's outputs."""
    with open(pc.get_output_dir("number.txt"), "w", encoding="utf-8") as file:
        file.write(str(number))
    return {"number": number}


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={}, input_file=None)
