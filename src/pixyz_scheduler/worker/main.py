"""The worker process, built by hand from its settings."""

import gc
import logging
import os
import secrets
import socket
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import worker_shutting_down

from pixyz_scheduler.broker.celery_app import make_celery
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.dispatch import CeleryDispatch
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.broker.sweeper import Sweeper
from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.jobs.outcome import Drained
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.logs import set_up_logging
from pixyz_scheduler.settings import Settings
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.workspace import sweep_workspaces
from pixyz_scheduler.storage.workspaces import Workspaces
from pixyz_scheduler.worker.execution import Execution
from pixyz_scheduler.worker.lease_keeper import LeaseKeeper
from pixyz_scheduler.worker.limits import MemoryLimit
from pixyz_scheduler.worker.run import Workshop
from pixyz_scheduler.worker.slots import ForkSlots, Slots, SpawnSlots
from pixyz_scheduler.worker.tasks import register_tasks
from pixyz_scheduler.worker.template import Template
from pixyz_scheduler.worker.zygote import NO_ENGINE

_log = logging.getLogger(__name__)

_SWITCH = 0.0005
_SECRET_WORDS = ("PASSWORD", "SECRET", "TOKEN", "BROKER_URL", "RESULT_BACKEND", "API_KEY", "CREDENTIAL")


def main(settings: Settings) -> int:
    """Work until a signal ends it; the exit status."""
    set_up_logging(settings.log_level, style=settings.log_format, secrets=settings.secrets)
    # A slot's thread that has its answer must not wait 5 ms for the consumer's thread to let it go on.
    sys.setswitchinterval(_SWITCH)
    _quiet_celery()
    name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    slots_n = settings.concurrent_tasks if settings.pool_type == "pool" else 1
    local_root = Path(tempfile.gettempdir())
    for leftover in sweep_workspaces(local_root, now=time.time()):
        _log.info("removed the workspace of a dead worker: %s", leftover)
    pace = PACE.scaled(settings.lease_time_scale)
    app = make_celery(broker_url=settings.broker_url, result_backend=settings.result_backend)
    client = connect(settings.store_url)
    dispatch = CeleryDispatch(app, client)
    stopping = threading.Event()
    quick = RecordStore(connect(settings.store_url, timeout=pace.answer), pace=pace)
    with (
        slots_of(settings, ahead=slots_n) as slots,
        Workspaces(local_root) as workspaces,
        LeaseKeeper(quick) as keeper,
        Sweeper(quick, dispatch),
    ):
        workshop = Workshop(
            share=Share(settings.share_path),
            catalog=ProcessCatalog(settings.process_path),
            slots=slots,
            workspaces=workspaces,
            retry_time_limit=settings.pixyz_retry_time_limit,
            memory=MemoryLimit(settings.max_memory_usage),
            memory_gpuhigh=MemoryLimit(settings.max_memory_usage_gpuhigh),
        )
        execution = Execution(
            worker=name,
            records=RecordStore(client, pace=pace),
            keeper=keeper,
            dispatch=dispatch,
            start=workshop.run,
            stopping=stopping,
        )
        register_tasks(app, execution)
        # All that is here stays: the collector need not look at it again.
        gc.freeze()
        with drain_when_stopped(keeper, stopping, after=settings.drain_timeout):
            return _consume(app, name=name, queues=settings.queue_name, slots=slots_n, level=settings.log_level)


def _quiet_celery() -> None:
    """Each state of a job is logged once, by us; and what Celery says of root in ten lines, in one."""
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=SecurityWarning)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        _log.warning("this worker runs as root, and so do its users' scripts: give it a user of its own")


def _consume(app: Celery, *, name: str, queues: tuple[str, ...], slots: int, level: str) -> int:
    worker: Any = app.Worker(
        hostname=f"pixyz@{name}",
        pool="pixyz_scheduler.worker.pool:SlotPool",
        quiet=True,
        concurrency=slots,
        queues=",".join(queues),
        loglevel=level,
        without_gossip=True,
        without_mingle=True,
        disable_prefetch=True,
    )
    _log.info("worker %s listens on %s with %d slots", name, ", ".join(queues), slots)
    worker.start()
    return int(worker.exitcode or 0)


@contextmanager
def slots_of(settings: Settings, *, ahead: int) -> Iterator[Slots]:
    """Where attempts get their children, by ISOLATION."""
    environment = without_secrets(os.environ)
    environment["PIXYZ_PYTHON_PATH"] = str(settings.pixyz_python_path)
    engine = NO_ENGINE if settings.disable_pixyz or settings.engine == "none" else str(settings.pixyz_python_path)
    if settings.isolation == "spawn":
        yield SpawnSlots(environment)
        return
    freeze = PACE.scaled(settings.lease_time_scale).freeze
    with Template(engine=engine, environment=environment, freeze=freeze) as template:
        slots = ForkSlots(template, ahead=ahead)
        try:
            yield slots
        finally:
            slots.close()


@contextmanager
def drain_when_stopped(keeper: LeaseKeeper, stopping: threading.Event, *, after: float) -> Iterator[None]:
    """When Celery begins to stop, give the running jobs `after` seconds, then hand them back."""
    timers: list[threading.Timer] = []

    def drain() -> None:
        _log.info("drain: the running jobs go back to their queues")
        keeper.stop_all(Drained())

    def begin(**_: Any) -> None:
        timer = threading.Timer(after, drain)
        timer.daemon = True
        timers.append(timer)
        timer.start()

    worker_shutting_down.connect(begin, weak=False)
    try:
        yield
    finally:
        worker_shutting_down.disconnect(begin)
        stopping.set()
        for timer in timers:
            timer.cancel()


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment that scripts may see."""
    return {
        name: value for name, value in environment.items() if not any(word in name.upper() for word in _SECRET_WORDS)
    }
