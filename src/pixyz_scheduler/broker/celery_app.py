"""make_celery: the Celery application, made for Redis and for jobs of any length."""

from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection

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


class Lasting(AMQP):
    """Celery's messaging, over such connections."""

    Connection = Persistent


def make_celery(*, broker_url: str, result_backend: str) -> Celery:
    """The application, for API, workers and tools such as `celery inspect`.

    Args:
        broker_url: where doorbells are rung.
        result_backend: where Celery's own task meta goes, for canvases and Flower.
    """
    app = Celery("pixyz_worker", broker=broker_url, backend=result_backend, amqp=Lasting, set_as_current=False)
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
        task_acks_late=False,
        task_track_started=False,
        worker_prefetch_multiplier=1,
        # With a pool that has no room, Celery fetches no message: see worker/pool.py.
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
            # Nothing is ever unacknowledged: workers hear doorbells without Celery.
            "unacked_restore_interval": 60,
            # The consumer's loop waits for some answers, and hears no control meanwhile: four times this at most.
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
