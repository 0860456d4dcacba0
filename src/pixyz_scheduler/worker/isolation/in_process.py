"""InProcessSlots: attempts in the worker's own process (DEBUG, CELERY_ALWAYS_EAGER), for debuggers; none is isolated.

A script is a thread of the worker. It can neither be killed nor weighed, and it has all the time there is: its clocks
stand, lest a developer at a breakpoint run out of it. The threads that renew its lease go on meanwhile, as long as
nothing holds the interpreter's lock.
"""

import ctypes
import logging
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from os import getpid
from typing import Any

from pixyz_scheduler.engine.sdk import JobSession
from pixyz_scheduler.errors import Unavailable
from pixyz_scheduler.script.channel import decode, encode
from pixyz_scheduler.worker.isolation.child import attempt
from pixyz_scheduler.worker.isolation.events import Child, Event, Exited, Froze, Message, Output, Since
from pixyz_scheduler.worker.isolation.memory import Scale, Unweighed
from pixyz_scheduler.worker.isolation.visit import visit

_log = logging.getLogger(__name__)

_WAITING_EVENTS = 64
_LOOK = 0.5


class ScriptStopped(BaseException):
    """Raised in a script's thread, between two of its lines, when the job is to end."""


class InProcessSlots:
    """One attempt at a time, in this process.

    Args:
        session: the Pixyz SDK's, held already or taken for each job.
        environment: what scripts see in `os.environ` while they run.
    """

    def __init__(self, session: JobSession, environment: Mapping[str, str]) -> None:
        self._session = session
        self._environment = environment
        self._busy = threading.Lock()

    @contextmanager
    def child(self, request: Mapping[str, Any], *, since: Since) -> Iterator[Child]:
        """See Slots."""
        if not self._busy.acquire(blocking=False):
            raise Unavailable("A script that was told to end still runs in the process of this worker (DEBUG).")
        try:
            since()
            child = InProcessChild(request, self._session, environment=self._environment, ended=self._busy.release)
        except BaseException:
            self._busy.release()
            raise
        try:
            yield child
        finally:
            child.abandon()

    def close(self) -> None:
        """Give the licence back, if no script is at work on it."""
        if not self._busy.locked():
            self._session.let_go()


class InProcessChild:
    """A script at work in a thread of this process. See `events.Child`.

    Args:
        request: what it is asked.
        session: the SDK's.
        environment: of the script.
        ended: called when nothing of it runs any more.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        session: JobSession,
        *,
        environment: Mapping[str, str],
        ended: Callable[[], None],
    ) -> None:
        self.pid = getpid()
        self.scale: Scale = Unweighed()
        self._request = request
        self._session = session
        self._environment = environment
        self._ended = ended
        # Bounded, so that a flood waits for the log and does not fill our memory.
        self._events: queue.Queue[Event | None] = queue.Queue(_WAITING_EVENTS)
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._lock = threading.Lock()
        self._is_over = False
        self._is_abandoned = threading.Event()
        self._was_killed = False
        self._tell(Froze(frozen=True))
        self._thread = threading.Thread(target=self._run, name="script", daemon=True)
        _keep_running_at_breakpoints()
        self._thread.start()

    def events(self, timeout: float | None) -> Iterator[Event]:
        """What has happened."""
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return
        if event is not None:
            yield event

    def interrupt(self) -> None:
        """Make a waiting `events` return."""
        self._tell(None)

    def tick(self, asked: float) -> None:
        """Nobody freezes it."""

    def answer(self, message: Mapping[str, Any]) -> None:
        """Answer a call of the script's."""
        self._answers.put(decode(encode(dict(message))))

    def kill(self) -> None:
        """Raise ScriptStopped in it; asked again, go on without it: it may stand at a breakpoint, or wait in C."""
        with self._lock:
            if self._is_over:
                return
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread.ident or 0), ctypes.py_object(ScriptStopped)
            )
        if self._was_killed:
            _log.warning("the script does not end: this worker begins no other job until it does")
            self._tell(Exited(exit_code=1))
        self._was_killed = True

    def abandon(self) -> None:
        """Nobody listens any more; what it still says is dropped."""
        self._is_abandoned.set()

    def send(self, message: dict[str, Any]) -> None:
        """As a channel: what the script says of itself, in the shape in which it would have come from elsewhere."""
        self._tell(Message(decode(encode(message))))

    def receive(self) -> dict[str, Any]:
        """As a channel: the next answer. Looks up now and then, so that it can be stopped."""
        while True:
            with suppress(queue.Empty):
                return self._answers.get(timeout=_LOOK)

    def _run(self) -> None:
        status = 1
        try:
            with visit(self._request["context"]["script"], environment=self._environment, output=self._print):
                status = attempt(self._request, self, session=self._session)
        except ScriptStopped:
            pass
        except BaseException:  # noqa: BLE001  (the last resort of the thread: without its end the slot waits for ever)
            sys.excepthook(*sys.exc_info())
        with self._lock:
            # What was raised in us and has not come yet must not come now.
            self._is_over = True
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threading.get_ident()), None)
        self._ended()
        self._tell(Exited(exit_code=status))

    def _print(self, text: bytes) -> None:
        self._tell(Output(text))

    def _tell(self, event: Event | None) -> None:
        while not self._is_abandoned.is_set():
            try:
                self._events.put(event, timeout=_LOOK)
            except queue.Full:
                continue
            return


def _keep_running_at_breakpoints() -> None:
    """IDEs (pydevd, debugpy) stop all threads at a breakpoint, save those that say this: leases must be renewed."""
    for thread in threading.enumerate():
        vars(thread)["pydev_do_not_trace"] = True
