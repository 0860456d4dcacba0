"""The tasks and the Celery application under the names that users' programs import."""

import functools
import time
from typing import Any, NoReturn

from pixyz_scheduler.script.subtasks import pixyz_execute

__all__ = ["app", "cleanup_share_file", "package", "pixyz_execute", "sleep"]  # noqa: F822  (app: by __getattr__)


def sleep(seconds: float = 1.0) -> dict[str, float]:
    """Sleep; what a farm is tried out with."""
    time.sleep(seconds)
    return {"sleep": seconds}


def package(*_: Any, **__: Any) -> NoReturn:
    """Build a job's archive: the scheduler does that itself, when the archive is asked for."""
    raise NotImplementedError("An archive is built when it is asked for: GET /jobs/{uuid}/outputs/archive.")


def cleanup_share_file(*_: Any, **__: Any) -> NoReturn:
    """Remove a job's folder: the scheduler does that itself, by CLEANUP_ENABLED and CLEANUP_DELAY."""
    raise NotImplementedError("Old jobs are removed by the scheduler itself: set CLEANUP_ENABLED and CLEANUP_DELAY.")


def __getattr__(name: str) -> Any:
    """The application, built when it is asked for: it reads the settings and loads Celery; scripts do without."""
    if name == "app":
        return _app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@functools.cache
def _app() -> Any:
    """One application a process, as Celery wants it."""
    from pixyz_scheduler.broker.celery_app import make_celery
    from pixyz_scheduler.launcher.admin import store_of
    from pixyz_scheduler.settings.settings import Settings
    from pixyz_scheduler.settings.store_url import results_database

    settings = Settings.load()
    if not settings.store_is_configured:
        store = store_of(settings)
        results = store.with_database(results_database(str(store.database)))
        return make_celery(broker_url=store.kombu, result_backend=results.kombu)
    return make_celery(broker_url=settings.broker_url, result_backend=settings.result_backend)
