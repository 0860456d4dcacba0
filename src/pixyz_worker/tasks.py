"""The tasks and the Celery application under the names that users' programs import."""

import functools
import os
import time
from collections.abc import Mapping
from typing import Any

from pixyz_scheduler import extras
from pixyz_scheduler.script.subtasks import pixyz_execute

__all__ = ["app", "cleanup_share_file", "package", "pixyz_execute", "sleep"]  # noqa: F822  (app: by __getattr__)

_HERE = "http://127.0.0.1:8001"


def sleep(seconds: float = 1.0) -> dict[str, float]:
    """Sleep; what a farm is tried out with."""
    time.sleep(seconds)
    return {"sleep": seconds}


def package(pc: Mapping[str, Any], *_: Any, **__: Any) -> str:
    """Pack what the context's job has written so far; the path of the zip.

    On the farm it is the one that `GET /jobs/{uuid}/outputs/archive` answers, unless more is written afterwards; in a
    local run it lies beside the folder of the outputs. Raises PixyzSharedDirectoryNotFound where there is no folder.
    """
    from pixyz_scheduler.script.packing import packed  # what packs is loaded where something is packed

    return packed(pc)


def cleanup_share_file(job_id: str, *_: Any, **__: Any) -> bool:
    """Have a job removed, with its folder and its record, as `DELETE /jobs/{uuid}` does; whether it is gone by now.

    The scheduler is asked: PIXYZ_URL and PIXYZ_TOKEN in the environment say where it is, and the key. One that runs is
    stopped first, and goes when it has stopped. Old jobs go by themselves: CLEANUP_ENABLED, CLEANUP_DELAY.

    Raises:
        SchedulerError: nothing answers there, the key is wrong, there is no such job.
    """
    from pixyz_scheduler.client import SchedulerClient  # httpx costs 130 ms

    with SchedulerClient(os.environ.get("PIXYZ_URL") or _HERE, os.environ.get("PIXYZ_TOKEN")) as scheduler:
        return scheduler.delete(job_id)


def __getattr__(name: str) -> Any:
    """The application, built when it is asked for: it reads the settings and loads Celery; scripts do without."""
    if name == "app":
        return _app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@functools.cache
def _app() -> Any:
    """One application a process, as Celery wants it."""
    extras.require("worker", whose="Celery's application")
    from pixyz_scheduler.broker.celery_app import make_celery
    from pixyz_scheduler.launcher.beside_up import beside_up
    from pixyz_scheduler.settings.settings import Settings

    settings = beside_up(Settings.load())
    return make_celery(broker_url=settings.broker_url, result_backend=settings.result_backend)
