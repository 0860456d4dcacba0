"""The warden of a slot: keeps spare children waiting, watches the one at work, freezes and kills its whole tree.

It is not on the path of a job: the worker sends the request straight to a spare. It speaks with the worker in packets:

    warden to worker   {"warden": pid, "grouped": true | false}   its own, first; whether it is in its memory group
                       {"spare": pid} with the spare's channel and the reading end of its output
                       {"exit": pid, "status": wait status, "peak": KiB}   its whole tree is gone
                       {"frozen": true | false}
                       {"unable": text}   a spare could not be forked; it is tried again, later each time
    worker to warden   {"taken": pid, "since": moment}   {"tick": moment}   {"kill": true}
    EOF                from the worker: kill all, end

A moment is of the monotonic clock, the same for all processes of a machine: that at which the store was asked for the
claim, or for the renewal, that it granted. From then the lease counts, and so does the freeze.
"""

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from pixyz_scheduler.worker.isolation import tree
from pixyz_scheduler.worker.isolation.cgroup import join
from pixyz_scheduler.worker.isolation.parentage import be_killed_first, become_subreaper, die_with

SPARES = 2
_LOOK = 0.1
# Seconds until a spare that could not be forked is tried again: doubled each time.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_PACKET = 4096
_NEVER = float("inf")
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Warden:
    """One slot's warden; `run` never returns.

    Args:
        control: SEQPACKET socket to the worker.
        child: what a spare does with its end of the channel, once forked; its answer is the exit status.
        freeze: seconds after the last moment of a tick when the tree at work is stopped.
        group: folder of the memory group to live in; empty for none.
        fork: the system's.
    """

    def __init__(
        self,
        control: socket.socket,
        child: Callable[[socket.socket], int],
        *,
        freeze: float,
        group: str = "",
        fork: Callable[[], int] = os.fork,
    ) -> None:
        self._group = group
        self._fork = fork
        self._freeze = freeze
        self._control = control
        self._child = child
        self._poll = select.poll()
        self._pids: dict[int, int] = {}
        self._spares: set[int] = set()
        self._at_work: int | None = None
        self._last_tick = 0.0
        self._frozen = False
        self._pause = _FIRST_PAUSE
        self._fork_again = _NEVER

    def run(self) -> NoReturn:
        """Serve until the worker goes."""
        become_subreaper()
        # Ctrl-C and a service's stop reach the whole group; the worker decides when its children end.
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        self._poll.register(self._control, select.POLLIN)
        self._tell({"warden": os.getpid(), "grouped": bool(self._group) and join(self._group)})
        self._fork_spares()
        while True:
            for descriptor, _ in self._poll.poll(self._patience()):
                if descriptor == self._control.fileno():
                    self._hear()
                else:
                    self._reap(descriptor)
            self._freeze_if_unheard()
            self._bury()
            if time.monotonic() >= self._fork_again:
                self._fork_spares()

    def _patience(self) -> float | None:
        """Milliseconds until there is something to do that no packet tells."""
        if self._at_work is not None:
            return 1000 * _LOOK
        return None if self._fork_again == _NEVER else max(0.0, 1000 * (self._fork_again - time.monotonic()))

    def _hear(self) -> None:
        try:
            packet = self._control.recv(_PACKET)
        except ConnectionResetError:  # gone with words of ours unread
            packet = b""
        if not packet:
            self._end()
        match json.loads(packet):
            case {"taken": int(pid), "since": float(moment)}:
                # It may have ended already: then its exit was told, and the work is over.
                if pid in self._spares:
                    self._spares.discard(pid)
                    self._at_work = pid
                self._last_tick = moment
            case {"tick": float(moment)}:
                self._last_tick = max(self._last_tick, moment)
                if self._frozen and not self._is_unheard():
                    self._set_frozen(frozen=False)
            case {"kill": True} if self._at_work is not None:
                # Stop them all before the first dies, so that none forks meanwhile.
                tree.stop_below(os.getpid(), spare=self._spares)
                tree.send(tree.below(os.getpid(), spare=self._spares), signal.SIGKILL)

    def _freeze_if_unheard(self) -> None:
        if self._at_work is not None and not self._frozen and self._is_unheard():
            self._set_frozen(frozen=True)

    def _is_unheard(self) -> bool:
        return time.monotonic() - self._last_tick >= self._freeze

    def _set_frozen(self, *, frozen: bool) -> None:
        self._frozen = frozen
        # The child at work and all it started, also what has left it for us.
        if frozen:
            tree.stop_below(os.getpid(), spare=self._spares)
        else:
            tree.send(tree.below(os.getpid(), spare=self._spares), signal.SIGCONT)
        self._tell({"frozen": frozen})

    def _reap(self, descriptor: int) -> None:
        pid = self._pids.pop(descriptor)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        _, status, usage = os.wait4(pid, 0)
        self._spares.discard(pid)
        if self._at_work == pid:
            self._at_work, self._frozen = None, False
        if self._at_work is None:
            # Whatever it started came to us, the subreaper, when it died.
            tree.kill_below(os.getpid(), spare=self._spares)
        self._tell({"exit": pid, "status": status, "peak": usage.ru_maxrss})
        if self._fork_again == _NEVER:
            self._fork_spares()

    def _bury(self) -> None:
        """Reap what has left the child at work for us and ended: a long job may leave thousands."""
        if self._at_work is not None:
            tree.bury(os.getpid(), spare=self._pids.values())

    def _fork_spares(self) -> None:
        """As many as are missing; where the machine has no room, later."""
        try:
            while len(self._pids) < SPARES:
                self._fork_spare()
        except OSError as error:
            if self._fork_again == _NEVER:
                self._tell({"unable": str(error)})
            self._fork_again = time.monotonic() + self._pause
            self._pause = min(_LONGEST_PAUSE, 2 * self._pause)
        else:
            self._fork_again, self._pause = _NEVER, _FIRST_PAUSE

    def _fork_spare(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        reading, writing = os.pipe()
        warden = os.getpid()
        try:
            pid = self._fork()
        except OSError:
            for socket_ in (ours, theirs):
                socket_.close()
            os.close(reading)
            os.close(writing)
            raise
        if pid == 0:
            # It would keep its own line open after everybody else.
            ours.close()
            os.close(reading)
            self._become_spare(theirs, writing, warden=warden)
        theirs.close()
        os.close(writing)
        try:
            watched = os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            ours.close()
            os.close(reading)
            raise
        self._pids[watched] = pid
        self._poll.register(watched, select.POLLIN)
        self._spares.add(pid)
        self._tell({"spare": pid}, ours.fileno(), reading)
        ours.close()
        os.close(reading)

    def _become_spare(self, channel: socket.socket, output: int, *, warden: int) -> NoReturn:
        status = 99
        try:
            die_with(warden)
            os.setsid()
            be_killed_first()
            for number in _IGNORED:
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            self._control.close()
            for descriptor in self._pids:
                os.close(descriptor)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            status = self._child(channel)
        except BaseException:  # noqa: BLE001  (the last resort of the child: its traceback goes to the job's log)
            sys.excepthook(*sys.exc_info())
        finally:
            with suppress(Exception):  # the user may have closed it
                sys.stderr.flush()
            os._exit(status)

    def _tell(self, message: dict[str, int | bool | str], *descriptors: int) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the worker is gone: EOF comes next
            socket.send_fds(self._control, [json.dumps(message).encode()], list(descriptors))

    def _end(self) -> NoReturn:
        tree.kill_below(os.getpid(), spare=set())
        os._exit(0)
