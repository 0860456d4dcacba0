"""Celery's side of a script: the task of which workflows are made, and results that ask whoever runs the sub-tasks."""

import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from celery import Celery, Task, canvas
from celery.backends.base import BaseBackend
from celery.canvas import maybe_signature
from celery.exceptions import TimeoutError as CeleryTimeout
from celery.states import READY_STATES

from pixyz_scheduler.catalog.outline import FunctionOutline, ScriptOutline
from pixyz_scheduler.errors import InvalidWorkflow
from pixyz_scheduler.script import launch
from pixyz_scheduler.script.context_keys import EXECUTE
from pixyz_scheduler.script.in_place import launcher_of, run
from pixyz_scheduler.script.planning import Plan

_FIRST_LOOK, _LAST_LOOK = 0.02, 0.5
_IDS_ARE_OURS = "task_id is not to be had for a sub-task. chain, group and chord come from pixyz_worker.script."


class FarmBackend(BaseBackend):
    """Celery's results, as whoever runs the sub-tasks knows them."""

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        seen = _in_use().look([task_id])[task_id]
        return {
            "task_id": task_id,
            "status": seen.status,
            "result": seen.result,
            "traceback": seen.traceback,
            "children": [],
        }

    def wait_for(self, task_id: str, timeout: float | None = None, *_: Any, **__: Any) -> Any:
        """Wait until a sub-task has ended; raises Celery's TimeoutError after so many seconds."""
        give_up = None if timeout is None else time.monotonic() + timeout
        meta = self.get_task_meta(task_id)
        if meta["status"] in READY_STATES:
            return meta
        with _in_use().waiting():
            return self._wait_for(task_id, give_up)

    def get_many(self, task_ids: Iterable[str], timeout: float | None = None, **_: Any) -> Iterator[tuple[str, Any]]:
        """Each with its meta, once it has ended; raises Celery's TimeoutError after so many seconds in all."""
        give_up = None if timeout is None else time.monotonic() + timeout
        for task_id in task_ids:
            yield task_id, self.wait_for(task_id, None if give_up is None else max(0.0, give_up - time.monotonic()))

    def _forget(self, task_id: str) -> None:
        """Nothing: a result is its job's, and goes with it."""

    def _wait_for(self, task_id: str, give_up: float | None) -> Any:
        pause = _FIRST_LOOK
        while True:
            meta = self.get_task_meta(task_id)
            if meta["status"] in READY_STATES:
                return meta
            left = pause if give_up is None else min(pause, give_up - time.monotonic())
            if left <= 0:
                raise CeleryTimeout("The operation timed out.")
            time.sleep(left)
            pause = min(_LAST_LOOK, 2 * pause)


class FarmTask(Task[Any, Any]):
    """A task that the farm runs."""

    def apply_async(  # type: ignore[override]  # Celery's has all its options in its signature
        self, args: Any = None, kwargs: Any = None, **options: Any
    ) -> Any:
        """Start it as a sub-task; raises InvalidWorkflow."""
        if "task_id" in options:
            # Celery's own group does it, where that was called before ours was there: nobody would know those ids.
            raise InvalidWorkflow(_IDS_ARE_OURS)
        return start(self.signature(), tuple(args or ()), dict(kwargs or {}), options)


class Control:
    """What Celery's results ask the farm for."""

    def revoke(self, task_id: str, **_: Any) -> None:
        """End a sub-task."""
        _in_use().cancel(str(task_id))


@cache
def _app() -> Celery:
    app = Celery("pixyz_worker", broker="memory://", set_as_current=False)
    app.conf.update(task_serializer="json", result_serializer="json", accept_content=["json"])
    # Not by `backend`: CELERY_RESULT_BACKEND of the environment would win.
    vars(app)["backend_cls"] = FarmBackend
    vars(app)["control"] = Control()
    app.task(name=EXECUTE, base=FarmTask)(_pixyz_execute)
    return app


def task() -> Any:
    """Celery's task of which workflows are made."""
    return _app().tasks[EXECUTE]


def _pixyz_execute(params: Any = None, pc: Any = None) -> Any:
    return run(pc, pc["params"] if params is None else params)


def is_ours(signature: Any) -> bool:
    """Whether there is a task of ours in a part of a canvas."""
    return EXECUTE in _tasks(signature)


def start(signature: Any, args: tuple[Any, ...], kwargs: dict[str, Any], options: Mapping[str, Any]) -> Any:
    """Have the farm run a part of a canvas, called with these; Celery's result of it. Raises InvalidWorkflow."""
    if "body" in kwargs:
        signature = canvas.chord(signature.kwargs["header"], kwargs.pop("body"), app=_app())
    if args or kwargs:
        signature = _called_with(signature, args, kwargs)
    launcher = launcher_of(next(_contexts(signature), None))
    script = Path(launcher.base["script"])
    plan = Plan(_app(), base=launcher.base, made=launcher.made, outline=partial(_function, script))
    _, result = plan.add(signature.clone().set(**options))
    launcher.start(plan.nodes)
    return result


def _called_with(part: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A part of a canvas with these before its own, as Celery hands them on: to those that begin."""
    made: Any = maybe_signature(part, app=_app())
    begin = {"chain": "tasks", "group": "tasks", "chord": "header"}.get(made.subtask_type)
    if begin is None:
        return made.clone(args, kwargs)
    made = made.clone()
    several = list(_tasks_of(made["kwargs"][begin]))
    count = 1 if made.subtask_type == "chain" else len(several)
    given = [_called_with(each, args, kwargs) for each in several[:count]]
    made["kwargs"] = {**made["kwargs"], begin: [*given, *several[count:]]}
    return made


def _tasks_of(header: Any) -> Any:
    return header["kwargs"]["tasks"] if isinstance(header, Mapping) else header


def _in_use() -> launch.Launcher:
    found = launch.in_use()
    if found is None:
        raise InvalidWorkflow("No sub-task was started here.")
    return found


@cache
def _outline(script: Path) -> ScriptOutline:
    return ScriptOutline.parse(script.read_bytes(), filename=script.name)


def _function(script: Path, name: str) -> FunctionOutline:
    return _outline(script).entrypoint(name)


def _leaves(signature: Any) -> Iterator[Mapping[str, Any]]:
    """The tasks that a part of a canvas is made of."""
    waiting = [signature]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping) and isinstance(part.get("kwargs"), Mapping):
            inner = [part["kwargs"].get(name) for name in ("tasks", "header", "body", "task")]
            found = [each for one in inner for each in (one if isinstance(one, list | tuple) else [one])]
            found = [each for each in found if isinstance(each, Mapping)]
            waiting.extend(reversed(found))
            if not found:
                yield part


def _tasks(signature: Any) -> Iterator[str]:
    return (str(leaf.get("task")) for leaf in _leaves(signature))


def _contexts(signature: Any) -> Iterator[Any]:
    for leaf in _leaves(signature):
        for given in (*leaf["args"], *leaf["kwargs"].values()):
            if isinstance(given, Mapping) and "entrypoint" in given:
                yield given
