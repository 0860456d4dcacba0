"""Returns what JSON must not hold."""


def main(pc, params):
    return {"sizes": [1.0, float("nan")]}
