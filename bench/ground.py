"""Ground: what every group of figures stands on: a folder of its own, and how much it may take."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Ground:
    """Of one run.

    Attributes:
        folder: on the disk where shares would lie; empty at first.
        quick: a tenth of the samples, and small files.
        packages: that `script_packages` asks for instead of its own.
    """

    folder: Path
    quick: bool = False
    packages: tuple[str, ...] = ()
    _number: Iterator[int] = field(default_factory=lambda: iter(range(1_000_000)))

    def some(self, count: int, quick: int) -> int:
        """How many, by whether it is to be quick."""
        return quick if self.quick else count

    def place(self) -> Path:
        """A path that nothing has."""
        return self.folder / f"place-{next(self._number)}"

    @property
    def file_size(self) -> int:
        """Bytes of the large file that is sent to and fro."""
        return self.some(1 << 30, 64 << 20)
