#!/usr/bin/env python3
"""Steps side by side, and one that begins with all their results. The job waits for it, without a slot of its own."""

from pixyz_worker.script import *


@pixyz_schedule(wait=True, timeout=600)
def main(pc: ProgramContext, params: dict) -> object:
    """Count the words of some texts, and add them up.

    Params:
        texts (list of str): default three short ones.
    """
    texts = params.get("texts", ["one", "two words", "and three words"])
    count = pc.clone().update(entrypoint="count", compute_only=True)
    total = pc.clone().update(entrypoint="total", raw=True, compute_only=True)
    return chord(pixyz_execute.s({"text": text}, count) for text in texts)(pixyz_execute.s(pc=total))


def count(pc: ProgramContext, params: dict) -> int:
    """The words of one text."""
    return len(params["text"].split())


def total(pc: ProgramContext, counted: list) -> dict:
    """Without raw each result comes with its times and its progress: the record of its job."""
    return {"words": sum(each["result"] for each in counted)}


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={}, input_file=None)
