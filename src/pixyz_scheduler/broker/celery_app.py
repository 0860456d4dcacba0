"""make_celery: the Celery application, made for Redis and for jobs of any length."""

from typing import Any

from celery import Celery
from celery.app.amqp import AMQP

from pixyz_scheduler.broker.records import PRIORITIES, PRIORITY_SEPARATOR

EXECUTE = "pixyz_worker.tasks.pixyz_execute"

_A_DAY = 24 * 3600


class Doorbells(AMQP):
    """Celery's messaging, its task messages taken for good when they are taken.

    kombu writes down each message it hands out, one round trip before the task, so that it can be delivered again. A
    doorbell need not be: the record waits, and the sweeper rings.
    """

    def TaskConsumer(self, channel: Any, *arguments: Any, **options: Any) -> Any:  # noqa: N802  (Celery's name)
        """What the worker listens with."""
        return super().TaskConsumer(channel, *arguments, no_ack=True, **options)


def make_celery(*, broker_url: str, result_backend: str) -> Celery:
    """The application, for API, workers and tools such as `celery inspect`.

    Args:
        broker_url: where doorbells are rung.
        result_backend: where Celery's own task meta goes, for canvases and Flower.
    """
    app = Celery("pixyz_worker", broker=broker_url, backend=result_backend, amqp=Doorbells, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        result_expires=_A_DAY,
        timezone="UTC",
        task_default_queue="cpu",
        task_create_missing_queues=True,
        # Jobs are not lost with a message: the record has them. So acknowledge early, and nothing is redelivered.
        task_acks_late=False,
        task_track_started=False,
        worker_prefetch_multiplier=1,
        # A message waits in Redis, where a free worker finds it, and not in a busy one.
        worker_disable_prefetch=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # After READONLY or OOM a worker would exit, or stay alive and deaf.
        broker_channel_error_retry=True,
        broker_transport_options={
            "priority_steps": list(range(PRIORITIES)),
            "sep": PRIORITY_SEPARATOR,
            "visibility_timeout": 7 * _A_DAY,
            "unacked_restore_interval": 1,
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 5,
        },
        redis_socket_timeout=5,
        redis_socket_connect_timeout=5,
        redis_retry_on_timeout=True,
    )
    return app
