"""How many open loops a set of boundary edges makes."""

from collections.abc import Iterable


def connected_groups(edges: Iterable[tuple[int, ...]]) -> int:
    """Groups of edges that hang together, each edge given by the numbers of its two ends."""
    parents: dict[int, int] = {}

    def top(end: int) -> int:
        parents.setdefault(end, end)
        while parents[end] != end:
            parents[end] = parents[parents[end]]
            end = parents[end]
        return end

    for first, last in edges:
        parents[top(first)] = top(last)
    return sum(1 for end, parent in parents.items() if end == parent)
