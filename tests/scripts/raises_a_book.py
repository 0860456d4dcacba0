"""Raises an error whose text is megabytes long and not even text."""


def main(pc, params):
    raise ValueError("\udcff" + "no such part " * 500_000)
