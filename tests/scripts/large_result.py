"""Returns 50 MB."""


def main(pc, params):
    return "x" * 50_000_000
