"""Workflow: what a job says of the jobs that it starts: what each is to do, and with whose results it begins.

A value that is not known yet is an expression, in JSON:

    {"value": any JSON}         itself
    {"job": id}                 what that job ends with
    {"list": [expression...]}   a list of such

The script makes it, so its reader must take it for hostile.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pixyz_scheduler.errors import InvalidJobId, InvalidWorkflow
from pixyz_scheduler.jobs.job import JobId, parse_job_id

Expression = Mapping[str, Any]

_DEEPEST = 50


@dataclass(frozen=True)
class Node:
    """One job to be started.

    Attributes:
        id: follows from what it does and from who starts it, so that whoever starts the same again meets the same job.
        params: what its entry point is called with.
        entrypoint: the function.
        config: of its options, those that were said, as `config` of a request.
        written: those that its decorator says.
        context: the keys that the script has added to its context.
    """

    id: JobId
    params: Expression
    entrypoint: str
    config: Mapping[str, Any] = field(default_factory=dict)
    written: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in vars(self).items()}

    @classmethod
    def from_wire(cls, values: Any) -> "Node":
        """The other way.

        Raises:
            InvalidWorkflow: not what a node looks like.
        """
        match values:
            case {
                "id": str(job_id),
                "params": params,
                "entrypoint": str(entrypoint),
                "config": dict(config),
                "written": dict(written),
                "context": dict(context),
            }:
                return cls(_id(job_id), checked(params), entrypoint, config, written, context)
            case _:
                raise InvalidWorkflow("A sub-task is not described as one.")


def to_text(expression: Expression) -> str:
    """As a record keeps it."""
    return json.dumps(expression, ensure_ascii=False, separators=(",", ":"))


def value(known: Any) -> Expression:
    """What is known already."""
    return {"value": known}


def result_of(job_id: JobId) -> Expression:
    """What a job ends with."""
    return {"job": job_id}


def list_of(*parts: Expression) -> Expression:
    """A list."""
    return {"list": list(parts)}


def checked(expression: Any, depth: int = 0) -> Expression:
    """An expression from the outside; raises InvalidWorkflow."""
    match expression:
        case {"value": _} if len(expression) == 1:
            return value(expression["value"])
        case {"job": str(job_id)} if len(expression) == 1:
            return result_of(_id(job_id))
        case {"list": list(parts)} if len(expression) == 1 and depth < _DEEPEST:
            return list_of(*(checked(part, depth + 1) for part in parts))
        case _:
            raise InvalidWorkflow(f"{str(expression)[:80]} is no value, or is nested too deeply.")


def jobs_in(expression: Expression) -> tuple[JobId, ...]:
    """The jobs whose results it needs, each once, in order."""
    found: dict[JobId, None] = {}
    waiting = [expression]
    while waiting:
        match waiting.pop():
            case {"job": job_id}:
                found[job_id] = None
            case {"list": parts}:
                waiting.extend(reversed(parts))
            case _:
                pass
    return tuple(found)


def resolved(expression: Expression, value_of: Callable[[JobId], Any]) -> Any:
    """The value, once the jobs have ended."""
    match expression:
        case {"job": job_id}:
            return value_of(job_id)
        case {"list": parts}:
            return [resolved(part, value_of) for part in parts]
        case _:
            return expression["value"]


def _id(text: str) -> JobId:
    try:
        return parse_job_id(text)
    except InvalidJobId as error:
        raise InvalidWorkflow(str(error)) from error
