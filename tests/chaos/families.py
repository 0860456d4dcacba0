"""Families: what the facts tell of jobs that started others."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.facts import Facts
from tests.chaos.shapes import Needs, Shape

Record = Mapping[str, str]


@dataclass(frozen=True)
class Workflow:
    """A job that starts others, and those that it has started.

    Attributes:
        job_id: its own.
        record: likewise.
        shape: as planned.
        children: by their names, each with all the ids under which it is there.
    """

    job_id: str
    record: Record
    shape: Shape
    children: Mapping[str, list[str]]

    @property
    def ids(self) -> list[str]:
        """Of the children."""
        return [job_id for ids in self.children.values() for job_id in ids]


class Families:
    """Asks of kinship, of one run."""

    def __init__(self, facts: Facts) -> None:
        self._records = facts.records
        # Of those that are gone, as far as the stream told.
        self._parents = {**facts.parents, **parents_of(facts.records)}
        self._shapes = {one.job_id: one.plan.shape for one in facts.accepted if one.plan.shape}

    def above(self, job_id: str) -> Iterator[str]:
        """The job that started it, and so on."""
        while parent := self._parents.get(job_id):
            yield parent
            job_id = parent

    def has(self, job_id: str, some: frozenset[str]) -> bool:
        """Whether it, or one above it, is among them."""
        return job_id in some or any(above in some for above in self.above(job_id))

    def below(self, some: frozenset[str]) -> set[str]:
        """All that began with one of these."""
        return {job_id for job_id in self._parents if any(above in some for above in self.above(job_id))}

    def workflows(self) -> Iterator[Workflow]:
        """Those whose record is there."""
        children: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for job_id, record in self._records.items():
            if parent := record.get("parent"):
                children[parent][step_of(record).get("name", "?")].append(job_id)
        for job_id, record in self._records.items():
            shape = self._shapes.get(job_id) or _shape_of(record)
            if shape is not None:
                yield Workflow(job_id, record, shape, children[job_id])


def step_of(record: Record) -> dict[str, Any]:
    """What a sub-task of the load was told to do; nothing where it is none."""
    step: dict[str, Any] = json.loads(record.get("context") or "{}").get("step", {})
    return step


def result_of(record: Record) -> Any:
    """Of a record."""
    return json.loads(record.get("result") or "null")


def after(record: Record) -> list[str]:
    """The ids of those with whose results it begins."""
    return (record.get("after") or "").split()


def resolved(expression: Any, known: Callable[[str], Any]) -> Any:
    """What the store's expression of a value is, its jobs as told."""
    match expression:
        case {"job": str(job_id)}:
            return known(job_id)
        case {"list": list(parts)}:
            return [resolved(part, known) for part in parts]
        case _:
            return expression["value"]


def filled(needs: Needs, known: Callable[[str], Any]) -> Any:
    """The same of a shape's."""
    return [known(name) for name in needs] if isinstance(needs, list) else known(needs)


def parents_of(records: Mapping[str, Record]) -> dict[str, str]:
    """Of sub-tasks."""
    return {job_id: record["parent"] for job_id, record in records.items() if record.get("parent")}


def _shape_of(record: Record) -> Shape | None:
    shape = step_of(record).get("shape")
    return Shape.of(shape) if shape else None
