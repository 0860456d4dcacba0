#!/usr/bin/env python3
"""A job of several steps: first one, then some side by side, then one that begins with all of theirs."""

from pixyz_worker.script import *


@pixyz_schedule(wait=True, timeout=600)
def main(pc: ProgramContext, params: dict) -> object:
    """Split a text, count and shout its words side by side, report.

    Params:
        text (str): default "the quick brown fox".
    """
    step = pc.clone().update(raw=True, compute_only=True)

    def do(name: str) -> object:
        return pixyz_execute.s(pc=step.clone(entrypoint=name))

    split = pixyz_execute.s(params.get("text", "the quick brown fox"), step.clone(entrypoint="split"))
    return (split | group(do("count"), do("shout") | do("join")) | do("report"))()


def split(pc: ProgramContext, text: str) -> list:
    """The words."""
    return text.split()


def count(pc: ProgramContext, words: list) -> int:
    """How many."""
    return len(words)


def shout(pc: ProgramContext, words: list) -> list:
    """Louder."""
    return [word.upper() for word in words]


def join(pc: ProgramContext, words: list) -> str:
    """One text again."""
    return " ".join(words)


def report(pc: ProgramContext, results: list) -> dict:
    """A group hands on the list of its results, in its own order."""
    words, text = results
    return {"words": words, "text": text}


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={}, input_file=None)
