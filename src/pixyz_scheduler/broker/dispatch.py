"""Dispatch: rings a job's doorbell, a Celery message that carries its id and nothing else.

Keys: `<queue>` and `<queue>:<priority>` (lists of kombu's Redis transport; a message stays until a worker takes it).
"""

import base64
import itertools
import json
import uuid
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol

import redis
from celery import Celery
from kombu.serialization import dumps

from pixyz_scheduler.broker.celery_app import EXECUTE
from pixyz_scheduler.broker.connection import store_errors
from pixyz_scheduler.broker.records import PRIORITIES, PRIORITY_SEPARATOR, Bell, Message
from pixyz_scheduler.errors import StoreUnavailable
from pixyz_scheduler.jobs.job import Job

_ID, _TAG, _QUEUE = "the-job's-id", "the-delivery's-tag", "the-queue's-name"
_PERSISTENT = 2


class Dispatch(Protocol):
    """Rings doorbells."""

    def ring(self, bell: Bell) -> None:
        """Ring one; raises StoreUnavailable. A record that waits is found by the sweeper all the same."""


class SendingDispatch(Dispatch, Protocol):
    """For whoever sends jobs: rings, and says what it would send, to go along with a record."""

    def message(self, bell: Bell) -> Message:
        """What `ring` sends."""


class CeleryDispatch:
    """Pushes the message into its queue's list as kombu would, in 0.1 ms instead of 1.5.

    Args:
        app: says what a message of its task looks like (protocol 2).
        client: of the queue database.
    """

    def __init__(self, app: Celery, client: "redis.Redis") -> None:
        self._client = client
        self._template = json.dumps(_message(app))

    def ring(self, bell: Bell) -> None:
        """Ring one; raises StoreUnavailable."""
        message = self.message(bell)
        with store_errors():
            self._client.lpush(message.key, message.text)

    def message(self, bell: Bell) -> Message:
        """What `ring` sends."""
        text = self._template.replace(_ID, bell.job_id).replace(_TAG, str(uuid.uuid4())).replace(_QUEUE, bell.queue)
        return Message(bell_key(bell.queue, bell.priority), text)


def ring_if_possible(dispatch: Dispatch, job: Job) -> None:
    """Ring for a job whose record is written: where that cannot be, the sweeper rings."""
    with suppress(StoreUnavailable):
        dispatch.ring(bell_of(job))


def bell_of(job: Job) -> Bell:
    """The doorbell of a job that was just sent."""
    return Bell(job.id, job.options.queue, job.options.priority)


def bell_key(queue: str, priority: int) -> str:
    """The list that holds a queue's messages of one priority; in kombu's Redis transport 0 is the most urgent."""
    return f"{queue}{PRIORITY_SEPARATOR}{priority}" if priority else queue


def queue_of(key: str) -> str:
    """The queue to which such a list belongs."""
    name, separator, priority = key.rpartition(PRIORITY_SEPARATOR)
    return name if separator and priority.isdecimal() else key


def messages_in(client: "redis.Redis", queues: Iterable[str]) -> int:
    """How many doorbells lie in these queues; raises StoreUnavailable."""
    with store_errors(), client.pipeline(transaction=False) as ask:
        for queue, priority in itertools.product(queues, range(PRIORITIES)):
            ask.llen(bell_key(queue, priority))
        return sum(ask.execute())


def _message(app: Celery) -> dict[str, Any]:
    task = app.amqp.as_task_v2(_ID, EXECUTE, args=(), kwargs={}, ignore_result=False)
    content_type, content_encoding, body = dumps(task.body, serializer="json")
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "content-encoding": content_encoding,
        "content-type": content_type,
        "headers": task.headers,
        "properties": {
            **task.properties,
            "delivery_mode": _PERSISTENT,
            "delivery_info": {"exchange": "", "routing_key": _QUEUE},
            # Where it lies says how urgent it is.
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": _TAG,
        },
    }
