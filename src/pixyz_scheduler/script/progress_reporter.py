"""ProgressReporter: the object behind `pc["progress"]`; each call sends one message at most."""

import time
from typing import Any

from pixyz_scheduler.script.channel import Channel
from pixyz_scheduler.script.result import to_json
from pixyz_scheduler.script.text import printable

MAX_INFO = 1000
"""Characters of a step's text; the rest is cut, so that one step cannot fill the record."""

MAX_OUTPUT = 1024 * 1024
"""Characters of a value shown beside the progress: it is kept in the job's record, and each replaces the last."""


class ProgressReporter:
    """Tells how far the script is: `set_total(3)`, then `next("Importing")` as each step begins.

    Percent and durations are worked out by whoever reads the messages. Without a channel (a context that was
    cloned, or came as JSON) the calls are allowed and say nothing.
    """

    def __init__(self, channel: Channel | None = None) -> None:
        self._channel = channel

    def start(self) -> None:
        """Allowed and without effect: progress starts with the script."""

    def set_total(self, total: Any) -> None:
        """Announce how many steps there will be.

        Raises:
            ValueError: fewer than one step, or not a whole number.
        """
        if isinstance(total, bool) or not isinstance(total, int) or total < 1:
            raise ValueError(f"The number of steps must be a whole number from 1, not {total!r}.")
        self._send({"type": "progress_total", "total": total})

    def next(self, info: object = "") -> None:
        """Begin the next step (which ends the one before); `info` says what it does."""
        text = printable(str(info))[:MAX_INFO]
        self._send({"type": "step", "info": text, "time": time.time()})

    def stop(self) -> None:
        """End the last step."""
        self._send({"type": "progress_stop"})

    def output(self, value: Any) -> None:
        """Show a value beside the progress while the script goes on; any JSON up to a million characters.

        Raises:
            ResultError: a value that JSON cannot hold, or too long; names its type and place.
        """
        self._send({"type": "progress_output", "value": to_json(value, name="progress_output", limit=MAX_OUTPUT)})

    def __deepcopy__(self, memo: object) -> "ProgressReporter":
        """A copied context reports to the same job."""
        return self

    def __reduce__(self) -> tuple[type["ProgressReporter"], tuple[()]]:
        """A pickled context (a process pool of the script's) has no line to the supervisor."""
        return ProgressReporter, ()

    def __repr__(self) -> str:
        return f"<ProgressReporter {'connected' if self._channel else 'silent'}>"

    def _send(self, message: dict[str, Any]) -> None:
        if self._channel is not None:
            self._channel.send(message)
