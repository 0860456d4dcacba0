"""How long to pause between two questions: short while things change, longer while they don't. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Seconds between questions, growing from `shortest` to `longest`."""

    shortest: float
    longest: float
    growth: float = 1.5

    def after(self, unchanged: int) -> float:
        """The pause after this many answers that told nothing new."""
        steps = min(unchanged, 64)  # beyond it every sensible pace is at its longest, and a float still holds it
        return min(self.shortest * self.growth**steps, self.longest)


WATCHING = Pace(shortest=0.05, longest=1.0)
ARCHIVING = Pace(shortest=0.2, longest=2.0)
