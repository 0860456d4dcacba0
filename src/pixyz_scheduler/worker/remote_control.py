"""remote_control: what Celery's own control commands (Flower, `celery control`) do here where Celery would do harm.

Celery's revoke lives in the memory of a worker that then throws doorbells away; its shutdown asks nobody's jobs.
"""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.control import Panel

from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.jobs.job import JobId, parse_job_id
from pixyz_scheduler.worker.doorbells import Doorbells

_log = logging.getLogger(__name__)


def take_control(*, cancel: Callable[[JobId], str], leave: Callable[[], None], doorbells: Doorbells) -> None:
    """Answer `revoke` and `terminate` by cancelling the job, `shutdown` as `admin drain`, and what tells queues.

    Args:
        cancel: a job; its state now.
        leave: called in the consumer's thread: only sets events.
        doorbells: who listens on the queues that `add_consumer` and `cancel_consumer` name.
    """

    def revoke(_state: Any, task_id: Any = None, *_: Any, **__: Any) -> dict[str, Any]:
        ids = [task_id] if isinstance(task_id, str) else list(task_id or ())
        return {"ok": {each: _cancelled(each, cancel) for each in map(str, ids)}}

    def terminate(state: Any, signal: Any = None, task_id: Any = None, **_: Any) -> dict[str, Any]:  # noqa: ARG001
        return revoke(state, task_id)

    def shutdown(_state: Any, *_: Any, **__: Any) -> dict[str, str]:
        leave()
        return {"ok": "this worker leaves: no new jobs, those that run have DRAIN_TIMEOUT"}

    celerys = dict(Panel.data)

    def add_consumer(state: Any, queue: str, *arguments: Any, **options: Any) -> Any:
        doorbells.listen_on(queue)
        return celerys["add_consumer"](state, queue, *arguments, **options)

    def cancel_consumer(state: Any, queue: str, **options: Any) -> Any:
        doorbells.leave(queue)
        return celerys["cancel_consumer"](state, queue, **options)

    Panel.data.update(
        revoke=revoke,
        terminate=terminate,
        shutdown=shutdown,
        add_consumer=add_consumer,
        cancel_consumer=cancel_consumer,
    )


def _cancelled(task_id: str, cancel: Callable[[JobId], str]) -> str:
    try:
        answer = cancel(parse_job_id(task_id))
    except SchedulerError as error:
        return str(error)
    _log.info("cancelled by Celery's revoke: %s", task_id, extra={"state": answer})
    return answer
