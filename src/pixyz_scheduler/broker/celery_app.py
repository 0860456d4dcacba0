"""make_celery: the Celery application, made for Redis and for jobs of any length."""

from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection, Consumer

from pixyz_scheduler.broker.records import PRIORITIES, PRIORITY_SEPARATOR
from pixyz_scheduler.broker.task_meta_backend import with_task_meta

EXECUTE = "pixyz_worker.tasks.pixyz_execute"

_A_DAY = 24 * 3600


# Seconds until a lost connection is tried again, more each time, up to the last. Celery would wait for up to 30.
_AGAIN, _AT_MOST = 0.5, 2.0


class Persistent(Connection):
    """A connection to the broker that is there again soon after the broker is."""

    def ensure_connection(self, *arguments: Any, **options: Any) -> Any:
        """Connect, however often that must be tried."""
        pace = {"interval_start": _AGAIN, "interval_step": _AGAIN, "interval_max": _AT_MOST}
        return super().ensure_connection(*arguments, **{**pace, **options})


class TakenForGood(Consumer):
    """Takes messages that nobody needs to acknowledge, also when the connection they came by has gone meanwhile.

    kombu forgets with a connection that its messages need no acknowledgement; the attempt at one would end the worker.
    """

    def _receive_callback(self, message: Any) -> Any:
        channel: Any = self.channel
        taken = channel.message_to_python(message)
        taken.ack_log_error = taken.reject_log_error = _is_acknowledged
        return super()._receive_callback(taken)


def _is_acknowledged(*_: Any, **__: Any) -> None:
    """Since it was taken."""


class Doorbells(AMQP):
    """Celery's messaging, its task messages taken for good when they are taken.

    kombu writes down each message it hands out, one round trip before the task, so that it can be delivered again. A
    doorbell need not be: the record waits, and the sweeper rings.
    """

    Connection = Persistent
    Consumer = TakenForGood

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
    # Not by `backend`: CELERY_RESULT_BACKEND of the environment would win.
    app.backend_cls = with_task_meta(result_backend)
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
        # Celery would make a warning of each piece of a line that is written to stderr, such as a trace's.
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # After READONLY or OOM a worker would exit, or stay alive and deaf.
        broker_channel_error_retry=True,
        broker_transport_options={
            "priority_steps": list(range(PRIORITIES)),
            "sep": PRIORITY_SEPARATOR,
            "visibility_timeout": 7 * _A_DAY,
            # Nothing is ever unacknowledged: see Doorbells.
            "unacked_restore_interval": 60,
            # The consumer's loop waits for some answers, and hears nothing meanwhile: four times this at most.
            "socket_timeout": 2,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            # A connection that is cut off without a word is noticed after twice this, and a second.
            "health_check_interval": 2,
        },
        # A slot waits so many seconds for Celery's meta of its last job to be written, and no longer.
        result_backend_transport_options={"retry_policy": {"timeout": 5.0}},
        redis_socket_timeout=5,
        redis_socket_connect_timeout=5,
        redis_retry_on_timeout=True,
    )
    return app
