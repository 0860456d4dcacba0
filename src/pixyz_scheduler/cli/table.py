"""table: rows of cells as lines of text, no wider than they may be."""

from collections.abc import Sequence

_GAP = "  "
_NARROWEST = 4
_CUT = "…"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, width: int, whole: int = 1) -> list[str]:
    """The heads and the rows, in columns; what is too wide is cut, the widest column first.

    Args:
        heads: of the columns.
        rows: each with as many cells.
        width: of a line.
        whole: so many columns, from the left, are never cut.
    """
    cells = [list(heads), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        widest = max(range(whole, len(widths)), key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return [_GAP.join(map(_fit, row, widths)).rstrip() for row in cells]


def seconds(value: float | None) -> str:
    """A span of time for eyes: its two largest units."""
    if value is None:
        return "-"
    left = round(value)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def end_of(text: str, width: int) -> str:
    """The text, or its end where it is wider: what tells one path from the next."""
    return text if len(text) <= width else _CUT + text[len(text) - width + 1 :]


def _fit(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + _CUT
