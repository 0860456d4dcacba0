"""Returns more than is taken."""


def main(pc, params):
    return "x" * 70_000_000
