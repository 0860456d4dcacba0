"""Graph: a job, the jobs that it has started, and theirs; with what ties them. No I/O."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Node:
    """A job of a workflow."""

    id: str
    name: str | None = None
    entrypoint: str | None = None
    process: str | None = None
    queue: str | None = None
    status: str = "UNKNOWN"
    parent: str | None = None
    started: str | None = None
    stopped: str | None = None
    duration: float | None = None
    """Seconds; None while it has not begun."""


@dataclass(frozen=True)
class Edge:
    """What ties two jobs: `starts` (the first has started the second) or `then` (the second begins with its result)."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True)
class Graph:
    """A workflow."""

    root: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    complete: bool = True
    """False where there are more jobs than were told."""
    raw: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)
    """The answer as the server gave it."""

    def tree(self) -> Iterator[tuple[int, Node]]:
        """Each job once, below the one that started it, with its depth; the jobs of one parent in their order."""
        below: dict[str | None, list[Node]] = {}
        known = {node.id: node for node in self.nodes}
        for node in self.nodes:
            if node.id != self.root:
                below.setdefault(node.parent if node.parent in known else self.root, []).append(node)
        todo = [(0, known[self.root])] if self.root in known else [(0, node) for node in self.nodes]
        seen = set()
        while todo:
            depth, node = todo.pop()
            if node.id in seen:
                continue
            seen.add(node.id)
            yield depth, node
            todo += [(depth + 1, child) for child in reversed(below.get(node.id, []))]


def graph_from(told: Mapping[str, object]) -> Graph:
    """A Graph from decoded JSON; what is missing is unknown, never an error."""
    nodes, edges = told.get("nodes"), told.get("edges")
    return Graph(
        root=str(told.get("root") or ""),
        nodes=tuple(_node(each) for each in nodes if isinstance(each, dict)) if isinstance(nodes, list) else (),
        edges=tuple(
            Edge(str(each.get("from")), str(each.get("to")), str(each.get("kind")))
            for each in edges
            if isinstance(each, dict)
        )
        if isinstance(edges, list)
        else (),
        complete=told.get("complete") is not False,
        raw=told,
    )


def _node(told: Mapping[str, object]) -> Node:
    duration = told.get("duration")
    return Node(
        id=str(told.get("id") or ""),
        name=_text(told.get("name")),
        entrypoint=_text(told.get("entrypoint")),
        process=_text(told.get("process")),
        queue=_text(told.get("queue")),
        status=str(told.get("status") or "UNKNOWN"),
        parent=_text(told.get("parent")),
        started=_text(told.get("started")),
        stopped=_text(told.get("stopped")),
        duration=float(duration) if isinstance(duration, int | float) else None,
    )


def _text(told: object) -> str | None:
    return None if told is None else str(told)
