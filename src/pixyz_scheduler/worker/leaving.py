"""Leaving: why a worker goes though no signal came: it was called off, has had nothing to do, or is deaf."""

import logging
import os
import threading
import time
from typing import NoReturn

from typing_extensions import Self

from pixyz_scheduler.broker.farm import Announcer
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.jobs.outcome import Drained
from pixyz_scheduler.worker.activity import Activity
from pixyz_scheduler.worker.consumer import Consumer
from pixyz_scheduler.worker.doorbells import Doorbells
from pixyz_scheduler.worker.drain import Drain
from pixyz_scheduler.worker.lease_keeper import LeaseKeeper
from pixyz_scheduler.worker.remote_control import take_control

_log = logging.getLogger(__name__)

# Seconds for the jobs of a deaf worker to go back.
_HAND_BACK = 10.0
_LOOK = 0.05
# The exit status of a worker that was alive and deaf.
DEAF = 75


class Leaving:
    """Lets the worker leave as at a signal, and its launcher know that it is not to be started again.

    Args:
        drain: begun then.
        consumer: stopped then.

    Attributes:
        by_itself: whether one of these was why.
    """

    def __init__(self, drain: Drain, consumer: Consumer) -> None:
        self._drain = drain
        self._consumer = consumer
        self.by_itself = False

    def when_called_off(self, announcer: Announcer, records: RecordStore, doorbells: Doorbells) -> Self:
        """Leave when `admin drain` or Celery's control wants it, too."""
        announcer.on_drain = self._as_called_off
        take_control(cancel=records.cancel, leave=self._as_called_off, doorbells=doorbells)
        return self

    def as_idle(self) -> None:
        """Leave, since there has been no job for IDLE_TIMEOUT."""
        if not self._drain.leaving.is_set():
            self._leave("no job for IDLE_TIMEOUT: this worker leaves")

    def _as_called_off(self) -> None:
        self._leave("this worker is called off (admin drain, or Celery's shutdown): it leaves")

    def _leave(self, why: str) -> None:
        _log.info(why)
        self.by_itself = True
        self._drain.begin()
        self._consumer.stop()


def give_up(keeper: LeaseKeeper, activity: Activity) -> NoReturn:
    """Hand back what runs, then end at once: whoever started this process starts it again."""
    keeper.leave()
    keeper.stop_all(Drained())
    give_up_at = time.monotonic() + _HAND_BACK
    pause = threading.Event()
    while activity.busy and time.monotonic() < give_up_at:
        pause.wait(_LOOK)
    os._exit(DEAF)
