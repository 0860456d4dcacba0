#!/usr/bin/env python3
"""Many steps side by side, on as many workers as there are; the result is the list of theirs."""

from pixyz_worker.script import *


@pixyz_schedule(wait=True, timeout=600)
def main(pc: ProgramContext, params: dict) -> object:
    """Square some numbers, each in a job of its own.

    Params:
        numbers (list of int): default [1, 2, 3].
    """
    step = pc.clone().update(entrypoint="square", raw=True, compute_only=True)
    return group(pixyz_execute.s(number, step) for number in params.get("numbers", [1, 2, 3]))()


def square(pc: ProgramContext, number: int) -> int:
    """A number times itself."""
    return number * number


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={}, input_file=None)
