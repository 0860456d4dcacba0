"""Dispatch: rings a job's doorbell, a Celery message that carries its id and nothing else."""

from typing import Any, Protocol

from celery import Celery
from kombu.exceptions import OperationalError

from pixyz_scheduler.broker.celery_app import EXECUTE
from pixyz_scheduler.broker.connection import store_errors
from pixyz_scheduler.broker.records import Bell
from pixyz_scheduler.errors import StoreUnavailable


class Dispatch(Protocol):
    """Rings doorbells."""

    def ring(self, bell: Bell) -> None:
        """Ring one; raises StoreUnavailable. A record that waits is found by the sweeper all the same."""


class CeleryDispatch:
    """Rings by a Celery task message, published straight into its queue's list."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def ring(self, bell: Bell) -> None:
        """Ring one; raises StoreUnavailable."""
        message = self._app.amqp.as_task_v2(bell.job_id, EXECUTE, args=(), kwargs={}, ignore_result=False)
        try:
            with store_errors(), self._app.producer_or_acquire() as producer:
                self._publish(producer, message, bell)
        except OperationalError as error:
            raise StoreUnavailable(f"Redis does not answer: {error}") from error

    def _publish(self, producer: Any, message: Any, bell: Bell) -> None:
        producer.publish(
            message.body,
            exchange="",
            routing_key=bell.queue,
            headers=message.headers,
            serializer="json",
            priority=bell.priority,
            retry=False,
            **message.properties,
        )
