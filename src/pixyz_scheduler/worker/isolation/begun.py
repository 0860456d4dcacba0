"""What a spawned child does, from its first line to the exit status of its attempt.

Run as `python -m pixyz_scheduler.worker.isolation.begun kept|alone GROUP`: the request comes by its standard input,
messages leave by what was its standard output, all that is printed by its standard error. GROUP is the folder of the
memory group to live in, or empty. A kept one forks at once: the first process stays behind as the keeper.
"""

import os
import sys
from contextlib import suppress
from typing import NoReturn

from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.engine.sdk import job_session
from pixyz_scheduler.script.channel import StreamChannel
from pixyz_scheduler.worker.isolation.cgroup import join
from pixyz_scheduler.worker.isolation.child import attempt
from pixyz_scheduler.worker.isolation.printed import print_by_lines


def main() -> NoReturn:
    """The child's side."""
    keeping, group = sys.argv[1:]
    if group:
        join(group)
    if keeping == "kept":
        # Linux alone has what it needs.
        from pixyz_scheduler.worker.isolation.keeper import fork_from_keeper

        fork_from_keeper()
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    print_by_lines()
    channel = StreamChannel(reader, writer)
    request = channel.receive()
    # Nobody holds a licence for an interpreter of its own: each job takes one.
    session = job_session(EngineChoice.from_environment(os.environ))
    status = 0 if request is None else attempt(request, channel, session=session)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the user may have closed it
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
