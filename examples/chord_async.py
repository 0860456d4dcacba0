#!/usr/bin/env python3
"""A chord that nobody waits for: the job ends at once and says under which ids the rest runs."""

from pixyz_worker.script import *


@pixyz_schedule(queue="control")
def main(pc: ProgramContext, params: dict) -> object:
    """Square some numbers, and add them up, after this job has ended.

    Params:
        numbers (list of int): default [1, 2, 3].
    """
    step = pc.clone().update(raw=True, compute_only=True)
    squares = [pixyz_execute.s(number, step.clone(entrypoint="square")) for number in params.get("numbers", [1, 2, 3])]
    started = chord(squares)(pixyz_execute.s(pc=step.clone(entrypoint="total")))
    # ((id of total, ((id of the group, None), [((id, None), None), ...])), None)
    return started.as_tuple()


def square(pc: ProgramContext, number: int) -> int:
    """A number times itself."""
    return number * number


def total(pc: ProgramContext, squares: list) -> int:
    """The sum."""
    return sum(squares)


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={}, input_file=None)
