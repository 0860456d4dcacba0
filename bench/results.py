"""Results: the figures of one run, and where, when and of which commit it was; kept as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import Self

from bench.figure import Figure


@dataclass(frozen=True)
class Results:
    """Of one run.

    Attributes:
        facts: where, when and of what; see machine.py.
        figures: floors among them.
    """

    facts: Mapping[str, str]
    figures: tuple[Figure, ...]

    @property
    def by_name(self) -> dict[str, Figure]:
        """The figures."""
        return {figure.name: figure for figure in self.figures}

    def ratio(self, figure: Figure) -> float | None:
        """To its floor; None where it has none, or that was not measured."""
        floor = self.by_name.get(figure.floor or "")
        return figure.ratio_to(floor) if floor else None

    def write(self, path: Path) -> None:
        """As JSON, one figure a line."""
        rows = ",\n  ".join(json.dumps(figure.to_values()) for figure in self.figures)
        path.write_text(f'{{"facts": {json.dumps(dict(self.facts), indent=1)},\n "figures": [\n  {rows}\n]}}\n')

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `write` wrote."""
        values = json.loads(path.read_text())
        return cls(values["facts"], tuple(Figure.from_values(figure) for figure in values["figures"]))
