"""Preparation: what happens before a script begins; its clocks stand still meanwhile."""

import time

from typing_extensions import Self

from pixyz_scheduler.script.channel import Channel


class Preparation:
    """Tells the supervisor when a preparation begins that may take long, and that it is over. A context manager."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._has_begun = False

    def begin(self) -> None:
        """Something begins that may take long; again is well."""
        if not self._has_begun:
            self._has_begun = True
            self._channel.send({"type": "preparing"})

    def step(self, info: str) -> None:
        """A step of the job's progress; it counts for none of those that the script announces."""
        self._channel.send({"type": "step", "info": info, "time": time.time()})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        # Whoever failed says so itself, and the script does not begin.
        if self._has_begun and kind is None:
            self._channel.send({"type": "prepared"})
