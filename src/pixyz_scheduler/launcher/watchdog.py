"""Watchdog: keeps a process alive that has no other launcher: `pixyz-scheduler worker` runs under one."""

import threading
import time

from pixyz_scheduler.launcher.interrupts import Interrupts
from pixyz_scheduler.launcher.member import Member

_LOOK = 0.2
# Seconds that a process has to end once it was told for the second time.
_LAST_PATIENCE = 5.0
# It could not take its licence: to try again at once would be no better.
NO_LICENCE = 100


def keep_alive(member: Member, *, asked: Interrupts, patience: float) -> int:
    """Run the member until a signal asks for its end, starting it again whenever it dies; the exit status.

    Args:
        member: not started.
        asked: what the signals asked for so far; both are passed on.
        patience: seconds that it may take to end in good order.
    """
    member.start()
    while not asked.end.wait(_LOOK):
        if member.exit_status == NO_LICENCE:
            return NO_LICENCE
        if member.was_called_off:
            return 0
        member.revive(time.monotonic())
    member.stop()
    if not member.has_ended(patience, asked.at_once):
        member.stop()
    member.wait(_LAST_PATIENCE, threading.Event())
    return 0
