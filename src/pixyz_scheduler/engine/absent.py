"""`AbsentEngine`: stands where no engine can be; every call says why."""

from pathlib import Path
from typing import NoReturn

from pixyz_scheduler.engine.base import (
    Conversion,
    ConvertOptions,
    Formats,
    Metadata,
    OpenedScene,
    ReadOptions,
    Source,
    ThumbnailOptions,
    Thumbnails,
)
from pixyz_scheduler.errors import EngineMissing


class AbsentEngine:
    """An engine that can do nothing, so that a worker without one still starts and does its other work.

    Attributes:
        reason: why there is none, and what to do about it.
    """

    name = "absent"

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def open(self, path: str | Path, options: ReadOptions = ReadOptions()) -> OpenedScene:  # noqa: ARG002, B008  (protocol)
        """Refuse."""
        self._refuse(f"{Path(path).name} cannot be read")

    def convert(
        self,
        source: Source,  # noqa: ARG002  (protocol)
        out: str | Path,
        options: ConvertOptions = ConvertOptions(),  # noqa: ARG002, B008  (protocol)
    ) -> Conversion:
        """Refuse."""
        self._refuse(f"{Path(out).name} cannot be written")

    def metadata(self, source: Source, options: ReadOptions = ReadOptions()) -> Metadata:  # noqa: ARG002, B008  (protocol)
        """Refuse."""
        self._refuse("metadata cannot be read")

    def thumbnails(
        self,
        source: Source,  # noqa: ARG002  (protocol)
        out_dir: str | Path,  # noqa: ARG002
        options: ThumbnailOptions = ThumbnailOptions(),  # noqa: ARG002, B008
    ) -> Thumbnails:
        """Refuse."""
        self._refuse("thumbnails cannot be drawn")

    def decimate(
        self,
        scene: OpenedScene,  # noqa: ARG002  (protocol)
        *,
        ratio: float | None = None,  # noqa: ARG002
        triangles: int | None = None,  # noqa: ARG002
    ) -> OpenedScene:
        """Refuse."""
        self._refuse("the scene cannot be decimated")

    def formats(self) -> Formats:
        """None."""
        return Formats(frozenset(), frozenset())

    def _refuse(self, what: str) -> NoReturn:
        raise EngineMissing(f"{what}: there is no 3D engine here ({self.reason}).")
