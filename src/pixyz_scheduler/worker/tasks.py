"""The Celery task that a doorbell names: known to Celery's tools, and answered by `Doorbells`."""

from typing import Any

from celery import Celery

from pixyz_scheduler.broker.celery_app import EXECUTE


def register_tasks(app: Celery) -> None:
    """Let `celery inspect registered` and Flower know the task."""

    @app.task(name=EXECUTE, ignore_result=True)
    def pixyz_execute(params: Any = None, pc: Any = None) -> None:
        """Its messages never come to Celery here: see `IdlePool`."""
        raise NotImplementedError
