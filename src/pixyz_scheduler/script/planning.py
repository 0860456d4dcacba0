"""Plan: a workflow that a script has written with Celery's canvas, as the jobs to be started.

Celery's own way is to hand each message the rest of the workflow, and to count the parts of a chord in its result
backend. Ours is to tell the store the whole of it at once: each job, and with whose results it begins.
"""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from celery import Celery
from celery.canvas import Signature, maybe_signature
from celery.result import AsyncResult, GroupResult

from pixyz_scheduler.catalog.outline import FunctionOutline
from pixyz_scheduler.errors import InvalidWorkflow
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.workflow import Expression, Node, list_of, result_of, value
from pixyz_scheduler.script.context_keys import ADDED_BY_US, EXECUTE, STANDARD
from pixyz_scheduler.script.result import to_json

# Of what Celery's `set` and `apply_async` take, what the farm heeds, by our names.
_HEEDED = {"queue": "queue", "priority": "priority", "time_limit": "time_limit"}
_REFUSED = ("countdown", "eta", "expires", "link_error")
# Keys of a context that say how a job is to be run; those of the parent's that would be its own are not handed down.
_ITS_OWN = ("queue", "time_limit")
_CHOSEN = ("compute_only", "raw", "root_file")

Options = Mapping[str, Any]


class Plan:
    """The jobs of a workflow, in an order in which each comes after those whose results it begins with.

    Args:
        app: to which results belong.
        base: the context of the job that starts it.
        made: how often each thing to do was started already.
        outline: the function of this name in the job's script; raises InvalidScript.
    """

    def __init__(
        self,
        app: Celery,
        *,
        base: Mapping[str, Any],
        made: "Counter[str]",
        outline: Callable[[str], FunctionOutline],
    ) -> None:
        self._app = app
        self._base = base
        self._made = made
        self._outline = outline
        self.nodes: list[Node] = []

    def add(
        self, signature: Any, incoming: Expression | None = None, options: Options | None = None
    ) -> tuple[Expression, Any]:
        """Add what a signature says; what it ends with, and Celery's result of it.

        Args:
            signature: a task's, a chain, a group, a chord, chunks; or such as a dict.
            incoming: what comes before it ended with.
            options: of what it stands in.

        Raises:
            InvalidWorkflow: says what is not to be had.
        """
        if not isinstance(signature, Mapping):
            raise InvalidWorkflow(f"{signature!r} is no part of a workflow: write pixyz_execute.s(params, pc).")
        step: Any = maybe_signature(signature, app=self._app)
        said = {**(options or {}), **step.options}
        self._check(said)
        match step:
            case {"subtask_type": "chain"}:
                made = self._chain(step, incoming, said)
            case {"subtask_type": "group"}:
                made = self._group(step.kwargs["tasks"], incoming, said)
            case {"subtask_type": "chord"}:
                made = self._chord(step, incoming, said)
            case {"subtask_type": "chunks"}:
                made = self.add(step.group(), incoming, said)
            case {"task": "celery.map" | "celery.starmap"}:
                made = self._calls(step, said)
            case _:
                made = self._task(step, incoming, said)
        for link in _several(step.options.get("link")):
            self.add(link, made[0])
        return made

    def _chain(self, step: Any, incoming: Expression | None, options: Options) -> tuple[Expression, Any]:
        ends, result = incoming, None
        for part in step.kwargs["tasks"]:
            ends, following = self.add(part, ends, _without_links(options))
            if result is not None:
                _begun_with(following).parent = result
            result = following
        if ends is None or result is None:
            raise InvalidWorkflow("A chain of nothing ends with nothing.")
        return ends, result

    def _group(self, tasks: Any, incoming: Expression | None, options: Options) -> tuple[Expression, Any]:
        made = [self.add(part, incoming, _without_links(options)) for part in _parts(tasks)]
        results = GroupResult(str(uuid.uuid4()), [result for _, result in made], app=self._app)
        return list_of(*(ends for ends, _ in made)), results

    def _chord(self, step: Any, incoming: Expression | None, options: Options) -> tuple[Expression, Any]:
        body = step.kwargs.get("body")
        if body is None:
            raise InvalidWorkflow("A chord needs a body: chord(header)(body).")
        header, results = self._group(step.kwargs["header"], incoming, options)
        ends, result = self.add(body, header, _without_links(options))
        _begun_with(result).parent = results
        return ends, result

    def _task(self, step: Any, incoming: Expression | None, options: Options) -> tuple[Expression, Any]:
        arguments = [value(argument) for argument in step.args]
        if incoming is not None and not step.immutable:
            arguments = [incoming, *arguments]
        params, context = _bound(step.task, arguments, step.kwargs)
        entrypoint = _entrypoint(context)
        outline = self._outline(entrypoint)
        config, added = self._config(context, options), _added(context)
        self._check_for_a_circle(entrypoint, params, added)
        return self._node(params, entrypoint, config, outline.schedule or {}, added)

    def _calls(self, step: Any, options: Options) -> tuple[Expression, Any]:
        """Several calls that are one job: a chunk."""
        several = [call if step["task"] == "celery.starmap" else (call,) for call in step.kwargs["it"]]
        task: Any = maybe_signature(step.kwargs["task"], app=self._app)
        bound = [
            _bound(task.task, [value(argument) for argument in (*call, *task.args)], task.kwargs) for call in several
        ]
        if not bound:
            raise InvalidWorkflow("A chunk of no calls is none.")
        calls = [
            {"params": params["value"], "entrypoint": _entrypoint(context), "context": _added(context)}
            for params, context in bound
        ]
        first = bound[0][1]
        outline = self._outline(_entrypoint(first))
        config = self._config(first, options)
        return self._node(value(calls), _entrypoint(first), config, outline.schedule or {}, {"calls": True})

    def _node(
        self,
        params: Expression,
        entrypoint: str,
        config: Mapping[str, Any],
        written: Mapping[str, Any],
        context: Mapping[str, Any],
    ) -> tuple[Expression, Any]:
        done = [entrypoint, _as_json("params", params), config, written, _as_json("pc", context)]
        digest = hashlib.sha256(json.dumps(done, sort_keys=True).encode()).hexdigest()
        number = self._made[digest]
        self._made[digest] += 1
        job_id = JobId(str(uuid.uuid5(uuid.UUID(self._base["task_id"]), f"{digest}/{number}")))
        self.nodes.append(Node(job_id, done[1], entrypoint, config, written, done[4]))
        return result_of(job_id), AsyncResult(job_id, app=self._app)

    def _config(self, context: Mapping[str, Any], options: Options) -> dict[str, Any]:
        chosen = {name: context[name] for name in _CHOSEN if context.get(name)}
        chosen |= {name: context[name] for name in _ITS_OWN if context.get(name) != self._base.get(name)}
        chosen |= {ours: options[name] for name, ours in _HEEDED.items() if options.get(name) is not None}
        return {name: known for name, known in chosen.items() if known is not None}

    def _check_for_a_circle(self, entrypoint: str, params: Expression, added: Mapping[str, Any]) -> None:
        """A job that starts itself does so for ever; most likely its writer forgot to name the function."""
        base = self._base
        if (entrypoint, params, added) == (base["entrypoint"], value(base["params"]), _added(base)):
            raise InvalidWorkflow(
                f"{entrypoint} starts itself with the same params, which would never end. "
                "Say which function: pc.clone().update(entrypoint=...)."
            )

    def _check(self, options: Options) -> None:
        for name in _REFUSED:
            if options.get(name):
                raise InvalidWorkflow(f"{name} is not to be had for a sub-task; {', '.join(sorted(_HEEDED))} are.")


def _bound(
    task: str, arguments: Sequence[Expression], named: Mapping[str, Any]
) -> tuple[Expression, Mapping[str, Any]]:
    """The params and the context that pixyz_execute is called with."""
    if task != EXECUTE:
        raise InvalidWorkflow(f"The task {task!r} is not the farm's: workflows are made of pixyz_execute.")
    given = dict(zip(("params", "pc"), arguments, strict=False))
    given |= {name: value(known) for name, known in named.items()}
    if len(arguments) > 2 or given.keys() - {"params", "pc"} or len(given) < len(arguments) + len(named):  # noqa: PLR2004
        _refuse_arguments()
    context = given.get("pc", value(None)).get("value")
    params = given.get("params", value(None))
    if context is None and isinstance(params.get("value"), Mapping) and "entrypoint" in params["value"]:
        # In either order: the two cannot be mistaken.
        params, context = value(None), params["value"]
    if not isinstance(context, Mapping) or "entrypoint" not in context:
        raise InvalidWorkflow("A sub-task needs a context: pixyz_execute.s(params, pc.clone().update(entrypoint=...)).")
    return (value(context.get("params")) if params == {"value": None} else params), context


def _refuse_arguments() -> NoReturn:
    raise InvalidWorkflow(
        "pixyz_execute takes (params, pc). In a chain, and as the body of a chord, the earlier result comes as params: "
        "write pixyz_execute.s(pc=pc), or pixyz_execute.si(params, pc) to leave it out."
    )


def _begun_with(result: Any) -> Any:
    """The first of a chain of results."""
    while result.parent is not None:
        result = result.parent
    return result


def _entrypoint(context: Mapping[str, Any]) -> str:
    return str(context.get("entrypoint") or "main")


def _added(context: Mapping[str, Any]) -> dict[str, Any]:
    """What the script has added to its context."""
    return {name: known for name, known in context.items() if name not in STANDARD and name not in ADDED_BY_US}


def _as_json(name: str, known: Any) -> Any:
    return to_json(known, name=name)


def _parts(tasks: Any) -> Sequence[Any]:
    if isinstance(tasks, Signature) and tasks.subtask_type == "group":
        tasks = tasks.kwargs["tasks"]
    return [tasks] if isinstance(tasks, Mapping) else list(tasks)


def _several(links: Any) -> Sequence[Any]:
    return [] if not links else [links] if isinstance(links, Mapping) else list(links)


def _without_links(options: Options) -> dict[str, Any]:
    """What the parts of a whole heed of what was said of the whole."""
    return {name: known for name, known in options.items() if name in _HEEDED}
