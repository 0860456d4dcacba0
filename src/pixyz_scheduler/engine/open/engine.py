"""`OpenEngine`: the engine protocol by open libraries; which one does what stands in `formats`."""

from pathlib import Path

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
from pixyz_scheduler.engine.open import metadata, reading, writing
from pixyz_scheduler.engine.open.cad_document import IGES, STEP
from pixyz_scheduler.engine.open.formats import FORMATS
from pixyz_scheduler.engine.open.libraries import find_missing
from pixyz_scheduler.engine.open.scene import Scene


class OpenEngine:
    """The open engine.

    Attributes:
        parallel: let OpenCASCADE use threads. A process that did so must not fork afterwards: its children hang.
    """

    name = "open"

    def __init__(self, *, parallel: bool = True) -> None:
        self.parallel = parallel

    def open(self, path: str | Path, options: ReadOptions = ReadOptions()) -> Scene:  # noqa: B008  (frozen)
        """Read a file."""
        return reading.read(Path(path), options, parallel=self.parallel)

    def convert(
        self,
        source: Source,
        out: str | Path,
        options: ConvertOptions = ConvertOptions(),  # noqa: B008  (frozen)
    ) -> Conversion:
        """Write `source` as the format that `out`'s extension names."""
        target = Path(out)
        writing.check_target(target)  # before the reading, which may take minutes
        scene = self._opened(source, options)
        if options.ratio is not None or options.triangles is not None:
            scene = self.decimate(scene, ratio=options.ratio, triangles=options.triangles)
        return writing.write(scene, target)

    def metadata(self, source: Source, options: ReadOptions = ReadOptions()) -> Metadata:  # noqa: B008  (frozen)
        """Count and measure."""
        return metadata.of(self._opened(source, options))

    def thumbnails(
        self,
        source: Source,
        out_dir: str | Path,
        options: ThumbnailOptions = ThumbnailOptions(),  # noqa: B008  (frozen)
    ) -> Thumbnails:
        """Draw the views, and the preview, into `out_dir`."""
        from pixyz_scheduler.engine.open import thumbnails  # pillow is not needed for anything else

        folder = Path(out_dir)
        folder.mkdir(parents=True, exist_ok=True)
        return thumbnails.draw(self._opened(source, options), folder, options)

    def decimate(self, scene: OpenedScene, *, ratio: float | None = None, triangles: int | None = None) -> Scene:
        """A new scene with fewer triangles; the same one where it has few enough."""
        from pixyz_scheduler.engine.open import decimate  # fast-simplification is not needed for anything else

        opened = self._opened(scene, ReadOptions())
        wanted = ConvertOptions(ratio=ratio, triangles=triangles)  # checks the figures
        limits = [opened.triangle_count]
        if wanted.triangles is not None:
            limits.append(wanted.triangles)
        if wanted.ratio is not None:
            limits.append(max(1, int(opened.triangle_count * wanted.ratio)))
        if min(limits) >= opened.triangle_count:
            return opened
        return decimate.decimate(opened, triangles=min(limits))

    def formats(self) -> Formats:
        """What can be read and written here and now."""
        missing = find_missing()
        lacking = {name: missing[f.library] for name, f in FORMATS.items() if f.library in missing}
        by_cascadio = STEP | IGES if "cascadio" not in missing else frozenset()
        return Formats(
            reads=frozenset(n for n, f in FORMATS.items() if f.reader and (n not in lacking or n in by_cascadio)),
            writes=frozenset(n for n, f in FORMATS.items() if f.writer and n not in lacking),
            missing=lacking,
        )

    def _opened(self, source: Source, options: ReadOptions) -> Scene:
        if isinstance(source, Scene):
            return source
        if isinstance(source, (str, Path)):
            plain = ReadOptions(quality=options.quality, repair=options.repair, root_file=options.root_file)
            return self.open(source, plain)
        raise TypeError(f"this scene was not opened by the open engine: {type(source).__name__}")
