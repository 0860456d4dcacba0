"""tree: rows of a tree of jobs in columns, the uuids whole however narrow the terminal is."""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

_GAP = "  "
_NARROWEST_NAME = 8
_CUT = "…"


def in_columns(rows: Sequence[Sequence[str]], *, width: int) -> list[tuple[str, str, str]]:
    """Of each row (name, status, more columns, a remark) what stands before the status, the status, what follows.

    The name is cut to what is left; the remark may stand out over `width`.
    """
    names, *columns, _ = zip(*rows, strict=True)
    widths = [max(map(cell_len, column)) for column in columns]
    longest = max(map(cell_len, names))
    name = max(_NARROWEST_NAME, min(longest, width - sum(widths) - len(_GAP) * len(widths)))
    told = []
    for title, *cells, remark in rows:
        status, *rest = map(set_cell_size, cells, widths)
        told.append((_fit(title, name) + _GAP, status, _GAP + _GAP.join([*rest, remark]).rstrip()))
    return told


def _fit(text: str, width: int) -> str:
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + _CUT
