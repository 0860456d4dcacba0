"""The warden of a slot: keeps spare children waiting, watches the one at work, freezes and kills its whole tree.

It is not on the path of a job: the worker sends the request straight to a spare. It speaks with the worker in packets:

    warden to worker   {"warden": pid}   its own, first
                       {"spare": pid} with the spare's channel and the reading end of its output
                       {"exit": pid, "status": wait status, "peak": KiB}   its whole tree is gone
                       {"frozen": true | false}
    worker to warden   {"taken": pid}   {"tick": true}   {"kill": true}
    EOF                from the worker: kill all, end
"""

import ctypes
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

from pixyz_scheduler.worker import tree

SPARES = 2
_LOOK = 0.1
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PACKET = 4096
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Warden:
    """One slot's warden; `run` never returns.

    Args:
        control: SEQPACKET socket to the worker.
        child: what a spare does with its end of the channel, once forked; its answer is the exit status.
        freeze: seconds without a tick until the tree at work is stopped.
    """

    def __init__(self, control: socket.socket, child: Callable[[socket.socket], int], *, freeze: float) -> None:
        self._freeze = freeze
        self._control = control
        self._child = child
        self._poll = select.poll()
        self._pids: dict[int, int] = {}
        self._spares: set[int] = set()
        self._at_work: int | None = None
        self._last_tick = 0.0
        self._frozen = False

    def run(self) -> NoReturn:
        """Serve until the worker goes."""
        become_subreaper()
        # Ctrl-C and a service's stop reach the whole group; the worker decides when its children end.
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        self._poll.register(self._control, select.POLLIN)
        self._tell({"warden": os.getpid()})
        for _ in range(SPARES):
            self._fork_spare()
        while True:
            for descriptor, _ in self._poll.poll(1000 * _LOOK if self._at_work else None):
                if descriptor == self._control.fileno():
                    self._hear()
                else:
                    self._reap(descriptor)
            self._freeze_if_unheard()
            self._bury()

    def _hear(self) -> None:
        try:
            packet = self._control.recv(_PACKET)
        except ConnectionResetError:  # gone with words of ours unread
            packet = b""
        if not packet:
            self._end()
        match json.loads(packet):
            case {"taken": int(pid)}:
                # It may have ended already: then its exit was told, and the work is over.
                if pid in self._spares:
                    self._spares.discard(pid)
                    self._at_work = pid
                self._last_tick = time.monotonic()
            case {"tick": True}:
                self._last_tick = time.monotonic()
                if self._frozen:
                    self._set_frozen(frozen=False)
            case {"kill": True} if self._at_work is not None:
                # Stop them all before the first dies, so that none forks meanwhile.
                self._signal_work(signal.SIGSTOP)
                self._signal_work(signal.SIGKILL)

    def _freeze_if_unheard(self) -> None:
        if self._at_work is None or self._frozen or time.monotonic() - self._last_tick < self._freeze:
            return
        self._set_frozen(frozen=True)

    def _set_frozen(self, *, frozen: bool) -> None:
        self._frozen = frozen
        self._signal_work(signal.SIGSTOP if frozen else signal.SIGCONT)
        self._tell({"frozen": frozen})

    def _signal_work(self, number: int) -> None:
        """To the child at work and all it started, also what has left it for us."""
        for root in tree.children(os.getpid()):
            if root not in self._spares:
                tree.signal_tree(root, number)

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
        self._fork_spare()

    def _bury(self) -> None:
        """Reap what has left the child at work for us and ended: a long job may leave thousands."""
        if self._at_work is not None:
            ours = self._pids.values()
            for pid in tree.children(os.getpid()):
                if pid not in ours:
                    with suppress(ChildProcessError):
                        os.waitpid(pid, os.WNOHANG)

    def _fork_spare(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        reading, writing = os.pipe()
        warden = os.getpid()
        pid = os.fork()
        if pid == 0:
            # It would keep its own line open after everybody else.
            ours.close()
            os.close(reading)
            self._become_spare(theirs, writing, warden=warden)
        theirs.close()
        os.close(writing)
        watched = os.pidfd_open(pid)
        self._pids[watched] = pid
        self._poll.register(watched, select.POLLIN)
        self._spares.add(pid)
        self._tell({"spare": pid}, ours.fileno(), reading)
        ours.close()
        os.close(reading)

    def _become_spare(self, channel: socket.socket, output: int, *, warden: int) -> NoReturn:
        status = 99
        try:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != warden:
                os._exit(status)
            os.setsid()
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

    def _tell(self, message: dict[str, int | bool], *descriptors: int) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the worker is gone: EOF comes next
            socket.send_fds(self._control, [json.dumps(message).encode()], list(descriptors))

    def _end(self) -> NoReturn:
        tree.kill_below(os.getpid(), spare=set())
        os._exit(0)


def become_subreaper() -> None:
    """Whatever loses its parent below this process comes to it."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")
