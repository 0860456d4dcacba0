"""FarmLine: sub-tasks as jobs of their own: the worker is asked for them over the channel of the attempt.

    {"type": "call", "number": n, "do": "start", "nodes": [...]}        see jobs/workflow.py
    {"type": "call", "number": n, "do": "look", "ids": [...]}
    {"type": "call", "number": n, "do": "cancel", "ids": [id]}
    {"type": "call", "number": n, "do": "wait", "waits": true | false}  its slot is its sub-tasks', or its own again

and the worker answers {"type": "answer", "number": n} with "value", or "error" (text), or "later" (true: the store is
away, ask again).
"""

import builtins
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pixyz_scheduler.errors import InvalidWorkflow
from pixyz_scheduler.jobs.workflow import Node
from pixyz_scheduler.script import faults
from pixyz_scheduler.script.channel import TwoWayChannel
from pixyz_scheduler.script.faults import InternalError, PixyzExecutionFault
from pixyz_scheduler.script.launch import Seen

# Not too many for one message, and none that keeps the worker from its other work for long.
_AT_ONCE = 100
_PAUSE = 0.2
_ENDED_BADLY = ("FAILURE", "REVOKED", "REJECTED")


class FarmLine:
    """Asks the worker. See launch.Launcher; any thread of the script's own process may use it.

    Args:
        channel: of the attempt.
        base: the context of the job.
        names: where the script's own exceptions are found.
    """

    def __init__(self, channel: TwoWayChannel, base: Mapping[str, Any], names: Mapping[str, Any]) -> None:
        self.base = base
        self.made: Counter[str] = Counter()
        self._channel = channel
        self._names = names
        self._one_at_a_time = threading.Lock()
        self._number = 0
        self._counting = threading.Lock()
        self._waiting = 0
        self._process = os.getpid()

    def start(self, nodes: Sequence[Node]) -> None:
        """Have them run as jobs; raises InvalidWorkflow: then nothing from the wrong hundred on is started."""
        for first in range(0, len(nodes), _AT_ONCE):
            self._ask("start", nodes=[node.to_wire() for node in nodes[first : first + _AT_ONCE]])

    def look(self, task_ids: Sequence[str]) -> Mapping[str, Seen]:
        """How they stand."""
        found = self._ask("look", ids=list(task_ids))
        return {task_id: self._seen(found[task_id]) for task_id in task_ids}

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within, the slot is the sub-tasks'; any number of threads may wait."""
        self._waits(1)
        try:
            yield
        finally:
            self._waits(-1)

    def cancel(self, task_id: str) -> None:
        """End one."""
        self._ask("cancel", ids=[task_id])

    def _waits(self, more: int) -> None:
        with self._counting:
            before, self._waiting = self._waiting, self._waiting + more
            if (before > 0) != (self._waiting > 0):
                self._ask("wait", waits=self._waiting > 0)

    def _seen(self, told: Mapping[str, Any]) -> Seen:
        if told["status"] not in _ENDED_BADLY:
            return Seen(told["status"], told.get("result"))
        if told["status"] == "REVOKED":
            from celery.exceptions import TaskRevokedError  # whoever asks has Celery loaded

            return Seen(told["status"], TaskRevokedError(str(told.get("error"))))
        error, trace = str(told.get("error") or told["status"]), told.get("traceback")
        return Seen(told["status"], exception_of(error, trace, self._names), trace)

    def _ask(self, what: str, **said: Any) -> Any:
        if os.getpid() != self._process:
            raise InvalidWorkflow("Sub-tasks are started by the script's own process, not by one that it has started.")
        while True:
            with self._one_at_a_time:
                answer = self._exchange({"type": "call", "do": what, **said})
            if "error" in answer:
                raise InvalidWorkflow(str(answer["error"]))
            if not answer.get("later"):
                return answer.get("value")
            # The store is away. Should that last, the attempt is frozen.
            time.sleep(_PAUSE)

    def _exchange(self, question: dict[str, Any]) -> Mapping[str, Any]:
        self._number += 1
        self._channel.send({**question, "number": self._number})
        while (answer := self._channel.receive()) is not None:
            if answer.get("number") == self._number:
                return answer
        raise InternalError("The worker has closed its line.")


class SubTaskTraceback(Exception):
    """Where the sub-task failed, in its own words; the cause of the exception that asking for its result raises."""

    def __str__(self) -> str:
        """The sub-task's traceback."""
        return f"\n{self.args[0]}"


def exception_of(error: str, trace: str | None, names: Mapping[str, Any]) -> Exception:
    """The exception that a sub-task ended with, as nearly as its one line tells it.

    Args:
        error: `ValueError: one line`, or any text.
        trace: the sub-task's traceback.
        names: where the script's own exceptions are found.
    """
    kind, colon, message = error.partition(": ")
    found = names.get(kind) or getattr(faults, kind, None) or getattr(builtins, kind, None)
    made: Exception = PixyzExecutionFault(error)
    if colon and isinstance(found, type) and issubclass(found, Exception):
        try:
            made = found(message)
        except Exception:  # noqa: BLE001  (the user's own class may want more than a message)
            made = PixyzExecutionFault(error)
    if trace:
        made.__cause__ = SubTaskTraceback(trace)
    return made
