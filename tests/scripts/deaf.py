"""Never ends, and hears no signal that can be ignored."""

import signal


def main(pc, params):
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass
