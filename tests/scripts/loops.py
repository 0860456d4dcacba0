"""Never ends."""


def main(pc, params):
    while True:
        pass
