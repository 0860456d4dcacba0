"""The keeper of a spawned child: its parent, to which all that loses its own comes; Linux alone has one."""

import os
import select
import signal
from typing import NoReturn

from pixyz_scheduler.worker.isolation import tree
from pixyz_scheduler.worker.isolation.ending import end_as
from pixyz_scheduler.worker.isolation.parentage import be_killed_first, become_subreaper, die_with

_LOOK = 100


def fork_from_keeper() -> None:
    """Go on in a child of this process, which stays behind as the keeper and ends as the child does."""
    become_subreaper()
    keeper = os.getpid()
    child = os.fork()
    if child:
        _keep(child)
    die_with(keeper)
    be_killed_first()


def _keep(child: int) -> NoReturn:
    """Wait until the child has ended or the worker wants no more of it; leave nothing of it, and end as it did."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    watched = os.pidfd_open(child)
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    # Not for what is in the pipe, which is the child's, but for its end.
    poll.register(0, 0)
    while watched not in (ready := [descriptor for descriptor, _ in poll.poll(_LOOK)]):
        tree.bury(os.getpid(), spare=(child,))
        if 0 in ready:
            os.kill(child, signal.SIGKILL)
            poll.unregister(0)
    _, status = os.waitpid(child, 0)
    tree.kill_below(os.getpid(), spare=())
    end_as(os.waitstatus_to_exitcode(status))
