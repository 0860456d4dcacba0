"""TaskMetaBackend: Celery's own word on a task, for canvases: written where the store takes it. The record rules.

Without it a meta that cannot be written makes a failure of a job that succeeded, and its slot is never free again:
Celery tries to write that failure, which fails, too, outside of anybody's care.
"""

import logging
from typing import Any

import redis
from celery.backends.redis import RedisBackend
from celery.exceptions import BackendError

_log = logging.getLogger(__name__)

_KINDS = ("redis://", "rediss://", "redis+socket://")


class TaskMetaBackend(RedisBackend):
    """Celery's Redis backend, for which a store that is away is a line in the log."""

    def store_result(self, task_id: str, result: Any, state: str, *arguments: Any, **options: Any) -> Any:
        """Write a result, if that can be had."""
        try:
            return super().store_result(task_id, result, state, *arguments, **options)
        except (redis.RedisError, BackendError, OSError) as error:
            _log.warning("Celery's meta of task %s not written: %s", task_id, error)
            return result

    def _store_result(
        self, task_id: str, result: Any, state: str, traceback: Any = None, request: Any = None, **_: Any
    ) -> Any:
        """As Celery does it, without asking first what stands there: the record has the last word."""
        celery: Any = self  # whose types do not name what it is made of
        meta = celery._get_result_meta(result=result, state=state, traceback=traceback, request=request)  # noqa: SLF001
        text = self.encode({**meta, "task_id": task_id})
        celery._set_with_state(self.get_key_for_task(task_id), text, state)  # noqa: SLF001  (our own, likewise)
        return result


def with_task_meta(url: str) -> str:
    """The address of a result backend, as Celery must read it to use ours; another kind's is left as it is."""
    if not url.startswith(_KINDS):
        return url
    return f"{__name__}:{TaskMetaBackend.__name__}+{url.removeprefix('redis+')}"
