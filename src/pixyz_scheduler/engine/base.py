"""The `Engine` protocol, its options and its results: all that the rest of the project knows of 3D.

Units and axes, wherever this package gives a coordinate: an opened scene is in metres with Y up (glTF's own
convention); what is said *of a file* (`Metadata.aabb`) is in the file's own unit and axes, named beside it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Quality = Literal["very_high", "high", "medium", "low"]
"""How finely curved CAD surfaces become triangles; `open/tessellation.py` holds the figures."""

View = Literal["iso", "x", "y", "z"]

Renderer = Literal["auto", "soft", "f3d"]

Background = Literal["transparent", "white"]


@dataclass(frozen=True)
class ReadOptions:
    """How a file is read.

    Attributes:
        quality: fineness of the triangles made from CAD surfaces; no meaning for mesh formats.
        repair: mend faulty CAD shapes, and drop degenerate and doubled triangles of meshes.
        root_file: the main file inside a zip, as a relative path; found by format when None.
    """

    quality: Quality = "medium"
    repair: bool = False
    root_file: str | None = None


@dataclass(frozen=True)
class ConvertOptions(ReadOptions):
    """How a file is converted: `ReadOptions`, and what is done before writing.

    Attributes:
        ratio: keep this share of the triangles, over 0 and at most 1.
        triangles: keep at most so many triangles. Together with `ratio` the smaller figure rules.
    """

    ratio: float | None = None
    triangles: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.ratio is not None and not 0 < self.ratio <= 1:
            raise ValueError(f"ratio must be over 0 and at most 1, not {self.ratio}")
        if self.triangles is not None and self.triangles < 1:
            raise ValueError(f"triangles must be at least 1, not {self.triangles}")


@dataclass(frozen=True)
class ThumbnailOptions(ReadOptions):
    """Which pictures are drawn.

    Attributes:
        width: pixels.
        height: pixels.
        views: `iso` from a corner; `x`, `y`, `z` along the axes of the file: from its right, front and top where Z is
            up (CAD), from its right, top and front where Y is.
        preview_triangles: also write `preview.glb` with at most so many triangles; None writes none.
        renderer: `soft` draws with numpy alone; `f3d` needs that library and EGL; `auto` takes f3d only where EGL has
            a hardware device.
        background: what stands behind the model.
    """

    width: int = 512
    height: int = 512
    views: tuple[View, ...] = ("iso", "x", "y", "z")
    preview_triangles: int | None = 500_000
    renderer: Renderer = "auto"
    background: Background = "transparent"

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if not (1 <= self.width <= 8192 and 1 <= self.height <= 8192):  # noqa: PLR2004  (said in the message)
            raise ValueError(f"width and height must be 1 to 8192 pixels, not {self.width} x {self.height}")
        unknown = set(self.views) - {"iso", "x", "y", "z"}
        if unknown or not self.views:
            raise ValueError(f"views must be some of iso, x, y, z, not {', '.join(sorted(unknown)) or 'none'}")
        if self.preview_triangles is not None and self.preview_triangles < 1:
            raise ValueError(f"preview_triangles must be at least 1, not {self.preview_triangles}")


class _Result:
    """What every result can do: become plain JSON values."""

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values, nested results too."""
        return asdict(self)  # type: ignore[call-overload,no-any-return]  # every subclass is a dataclass


@dataclass(frozen=True)
class Conversion(_Result):
    """What a conversion wrote.

    Attributes:
        output: name of the main file written.
        files: every file written, relative to the main file's folder; the main one first.
        size: bytes, all files together.
        part_count: parts drawn, each instance counted.
        polygon_count: triangles, each instance counted.
        engine: `open` or `pixyz`.
        warnings: what the target format, or the way to it, could not hold.
    """

    output: str
    files: tuple[str, ...]
    size: int
    part_count: int
    polygon_count: int
    engine: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Box(_Result):
    """An axis-aligned box; which unit and axes, its owner says."""

    min: tuple[float, float, float]
    max: tuple[float, float, float]

    @property
    def size(self) -> tuple[float, float, float]:
        """Edge lengths."""
        (a, b, c), (d, e, f) = self.min, self.max
        return d - a, e - b, f - c

    @property
    def diagonal(self) -> float:
        """Length of the diagonal."""
        a, b, c = self.size
        return float((a * a + b * b + c * c) ** 0.5)


@dataclass(frozen=True)
class Metadata(_Result):
    """What is known of a 3D file. A count is None where the engine at hand cannot know it (a warning says why).

    Attributes:
        format: the format read, as a file extension without dot.
        unit: length unit of the file (`metre`, `millimetre`, `inch`, ...); `aabb` is in it.
        up: the file's up axis, `Y` or `Z`; `aabb` and `size` are in the file's axes.
        aabb: bounds in the file's own unit and axes.
        diagonal: of `aabb`, same unit.
        size: extent along the file's own x, y, z in metres.
        part_count: parts drawn, each instance counted.
        material_count: distinct materials; for a file without materials, distinct colours.
        polygon_count: triangles, each instance counted (a CAD file: at the quality asked for).
        mesh_vertex_count: distinct points, each instance counted.
        mesh_edge_count: distinct edges, each instance counted.
        mesh_boundary: open edge loops, each instance counted; 0 for a closed mesh.
        watertight: every edge of every part has exactly two triangles.
        brep_body_count: solids, and shells and faces that belong to none.
        brep_face_count: B-rep faces.
        brep_boundary: open loops of the B-rep; 0 where all bodies are closed.
        animation_count: animations.
        variant_count: material variants (glTF) or variant sets (USD).
        pmi_component_count: parts that carry PMI.
        annotation_count: dimensions, tolerances and datums.
        metadata_component_count: nodes with user properties.
        metadata_property_count: user properties in all.
        warnings: what could not be found out, or was read with a doubt.
    """

    format: str
    unit: str
    up: str
    aabb: Box
    diagonal: float
    size: tuple[float, float, float]
    part_count: int
    material_count: int
    polygon_count: int
    mesh_vertex_count: int
    mesh_edge_count: int
    mesh_boundary: int
    watertight: bool
    brep_body_count: int | None = 0
    brep_face_count: int | None = 0
    brep_boundary: int | None = 0
    animation_count: int = 0
    variant_count: int = 0
    pmi_component_count: int | None = 0
    annotation_count: int | None = 0
    metadata_component_count: int | None = 0
    metadata_property_count: int | None = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Thumbnails(_Result):
    """What was drawn.

    Attributes:
        pictures: view -> file name, relative to the folder drawn into.
        width: pixels.
        height: pixels.
        renderer: which one drew: `soft`, `f3d` or `pixyz`.
        preview: file name of the decimated GLB, or None.
        preview_triangles: its triangles.
        warnings: what went otherwise than asked.
    """

    pictures: Mapping[str, str]
    width: int
    height: int
    renderer: str
    preview: str | None = None
    preview_triangles: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Formats(_Result):
    """Which formats an engine reads and writes, as file extensions without dot.

    Attributes:
        reads: formats that can be read here and now.
        writes: formats that can be written here and now.
        missing: format -> the line that says what to install, for formats whose library is not there.
    """

    reads: frozenset[str]
    writes: frozenset[str]
    missing: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Sets become sorted lists."""
        return {"reads": sorted(self.reads), "writes": sorted(self.writes), "missing": dict(self.missing)}


class OpenedScene(Protocol):
    """A scene that an engine opened; only the engine that opened it can use it further."""

    @property
    def format(self) -> str:
        """The format it was read from."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was lost, or doubtful, so far."""


Source = str | Path | OpenedScene
"""A file, or a scene opened before: opening once and asking thrice costs one reading."""


class Engine(Protocol):
    """A 3D engine. Every call may use threads and native code: call it in a job's child, never in the template.

    All calls raise `UnsupportedFormat`, `CorruptFile`, `EmptyScene`, `EngineMissing` or `LicenceMissing`, with the
    file and the reason in the text; a missing input file is `FileNotFoundError`.
    """

    @property
    def name(self) -> str:
        """`open`, `pixyz` or `absent`."""

    def open(self, path: str | Path, options: ReadOptions = ...) -> OpenedScene:
        """Read a file."""

    def convert(self, source: Source, out: str | Path, options: ConvertOptions = ...) -> Conversion:
        """Write `source` as the format that `out`'s extension names; side files (mtl, bin, textures) go beside it."""

    def metadata(self, source: Source, options: ReadOptions = ...) -> Metadata:
        """Count and measure."""

    def thumbnails(self, source: Source, out_dir: str | Path, options: ThumbnailOptions = ...) -> Thumbnails:
        """Draw `<view>.png` for each view, and `preview.glb`, into `out_dir` (made if it is not there)."""

    def decimate(self, scene: OpenedScene, *, ratio: float | None = None, triangles: int | None = None) -> OpenedScene:
        """A new scene with fewer triangles: a share of them (0 to 1), or at most so many."""

    def formats(self) -> Formats:
        """What can be read and written here and now."""
