"""How finely curved surfaces become triangles."""

from dataclasses import dataclass

from pixyz_scheduler.engine.base import Quality

ANGLE = 0.35
"""Largest angle, in radians, between neighbouring triangles of one curved face."""


@dataclass(frozen=True)
class Sag:
    """How far a triangle may lie from its surface: the smaller of a length and a share of the shape's diagonal."""

    millimetres: float
    share: float

    def of(self, diagonal: float) -> float:
        """Millimetres, for a shape of that diagonal in millimetres."""
        return max(min(self.millimetres, diagonal * self.share), 1e-7)


SAG: dict[Quality, Sag] = {
    "very_high": Sag(0.01, 1e-4),
    "high": Sag(0.1, 2e-4),
    "medium": Sag(0.2, 3e-4),
    "low": Sag(1.0, 1e-3),
}
