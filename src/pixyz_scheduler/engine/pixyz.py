"""The Pixyz SDK behind the engine protocol. Beside `engine.session` the only importer of `pxz`.

Written from the public names of the SDK's functions and run against a stand-in only: see docs/decisions/0004.
"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pxz

from pixyz_scheduler.engine.base import (
    Box,
    Conversion,
    ConvertOptions,
    Formats,
    Metadata,
    OpenedScene,
    Quality,
    ReadOptions,
    Source,
    ThumbnailOptions,
    Thumbnails,
)
from pixyz_scheduler.engine.open.installed import open_engine
from pixyz_scheduler.errors import CorruptFile, EmptyScene, UnsupportedFormat

# Millimetres, and a share of the part's diagonal: the figures of the open engine.
_SAG: dict[Quality, tuple[float, float]] = {
    "very_high": (0.01, 1e-4),
    "high": (0.1, 2e-4),
    "medium": (0.2, 3e-4),
    "low": (1.0, 1e-3),
}
_ANGLE = 20.0
_REPAIR_TOLERANCE = 0.1
_READS = frozenset(
    {
        "3dm", "3ds", "3dxml", "3mf", "asm", "brep", "catpart", "catproduct", "catshape", "cgr", "dae", "dgn", "dwg",
        "dxf", "e57", "fbx", "glb", "gltf", "iam", "ifc", "iges", "igs", "ipt", "jt", "model", "neu", "obj", "par",
        "pdf", "plmxml", "ply", "prt", "psm", "pts", "ptx", "pxz", "rcp", "rvt", "sab", "sat", "session", "skp",
        "sldasm", "sldprt", "step", "stl", "stp", "u3d", "usd", "usda", "usdc", "usdz", "vda", "vpb", "wire", "wrl",
        "x_b", "x_t", "xas", "xpr", "xyz", "zip",
    }
)  # fmt: skip
_WRITES = frozenset(
    {"3dxml", "fbx", "glb", "gltf", "jt", "obj", "pdf", "prc", "pxz", "stl", "u3d", "usda", "usdc", "usdz", "wrl"}
)


@dataclass(frozen=True)
class PixyzScene:
    """What was imported: the SDK holds one scene at a time."""

    path: Path
    format: str
    root: Any
    warnings: tuple[str, ...] = ()


class PixyzEngine:
    """The engine protocol by the Pixyz SDK; a `PixyzSession` must be open."""

    name = "pixyz"

    def open(self, path: str | Path, options: ReadOptions = ReadOptions()) -> PixyzScene:  # noqa: B008  (frozen)
        """Import a file into an empty scene, mend it where asked, and tessellate it."""
        file = Path(path)
        file_format = file.suffix[1:].lower()
        if file_format not in _READS:
            raise UnsupportedFormat(f"{file.name}: .{file_format} is not a 3D format that the Pixyz SDK reads.")
        if not file.is_file():
            raise FileNotFoundError(f"{file} is not there.")
        pxz.core.resetSession()
        try:
            root = pxz.io.importScene(str(file))
        except Exception as error:  # the SDK raises its own, of types that it does not publish
            raise CorruptFile(f"{file.name} cannot be imported by the Pixyz SDK: {error}.") from error
        if options.repair:
            pxz.algo.repairCAD([root], _REPAIR_TOLERANCE)
            pxz.algo.repairMesh([root], _REPAIR_TOLERANCE)
        sag, share = _SAG[options.quality]
        pxz.algo.tessellateRelativelyToAABB([root], sag, share, -1, _ANGLE)
        if not pxz.scene.getPartOccurrences(root):
            raise EmptyScene(f"{file.name} holds no parts.")
        return PixyzScene(file, file_format, root)

    def convert(
        self,
        source: Source,
        out: str | Path,
        options: ConvertOptions = ConvertOptions(),  # noqa: B008  (frozen)
    ) -> Conversion:
        """Export the scene as the format that `out`'s extension names."""
        target = Path(out)
        if target.suffix[1:].lower() not in _WRITES:
            raise UnsupportedFormat(f"{target.name}: {target.suffix} cannot be written by the Pixyz SDK.")
        scene = self._opened(source, options)
        if options.ratio is not None or options.triangles is not None:
            scene = self.decimate(scene, ratio=options.ratio, triangles=options.triangles)
        target.parent.mkdir(parents=True, exist_ok=True)
        before = set(target.parent.iterdir())
        pxz.io.exportScene(str(target), scene.root)
        beside = sorted(file.name for file in set(target.parent.iterdir()) - before - {target})
        files = (target.name, *beside)
        return Conversion(
            output=target.name,
            files=files,
            size=sum((target.parent / name).stat().st_size for name in files),
            part_count=len(pxz.scene.getPartOccurrences(scene.root)),
            polygon_count=_triangles(scene),
            engine=self.name,
            warnings=scene.warnings,
        )

    def metadata(self, source: Source, options: ReadOptions = ReadOptions()) -> Metadata:  # noqa: B008  (frozen)
        """Count and measure; the SDK's scene is in millimetres with Y up, whatever the file's own unit."""
        scene = self._opened(source, options)
        bounds = pxz.scene.getAABB([scene.root])
        box = Box(_point(bounds.low), _point(bounds.high))
        x, y, z = (length / 1000 for length in box.size)
        brep, mesh = pxz.scene.getBRepInfos(), pxz.scene.getTessellationInfos(scene.root)
        kinds = pxz.scene.ComponentType
        pmi = pxz.scene.listComponent(kinds.PMI)
        properties = pxz.scene.listComponent(kinds.Metadata)
        groups = [group for component in pmi for group in pxz.scene.getAnnotationGroups(component)]
        definitions = pxz.scene.getMetadatasDefinitions(properties) if properties else []
        boundaries = _field(mesh, "boundaryCount")
        return Metadata(
            format=scene.format,
            unit="millimetre",
            up="Y",
            aabb=box,
            diagonal=box.diagonal,
            size=(x, y, z),
            part_count=len(pxz.scene.getPartOccurrences(scene.root)),
            material_count=len(pxz.material.getAllMaterials()),
            polygon_count=_triangles(scene),
            mesh_vertex_count=_field(mesh, "totalVertexCount"),
            mesh_edge_count=_field(mesh, "totalEdgeCount"),
            mesh_boundary=boundaries,
            watertight=boundaries == 0 and _field(mesh, "nonManifoldEdgeCount") == 0,
            brep_body_count=_field(brep, "totalBodyCount"),
            brep_face_count=None,
            brep_boundary=_field(brep, "boundaryCount"),
            animation_count=len(pxz.scene.listAnimations()),
            variant_count=len(pxz.scene.listVariants()),
            pmi_component_count=len(pmi),
            annotation_count=sum(len(pxz.scene.getAnnotations(group)) for group in groups),
            metadata_component_count=len(properties),
            metadata_property_count=sum(len(definition) for definition in definitions),
            warnings=scene.warnings,
        )

    def thumbnails(
        self,
        source: Source,
        out_dir: str | Path,
        options: ThumbnailOptions = ThumbnailOptions(),  # noqa: B008  (frozen)
    ) -> Thumbnails:
        """Draw by the open engine from an exported GLB: the SDK's own viewer needs a display or a GPU."""
        scene = self._opened(source, options)
        with tempfile.TemporaryDirectory() as folder:
            exported = Path(folder) / f"{scene.path.stem}.glb"
            pxz.io.exportScene(str(exported), scene.root)
            drawn = open_engine().thumbnails(exported, out_dir, options)
        return replace(drawn, warnings=(*scene.warnings, *drawn.warnings))

    def decimate(self, scene: OpenedScene, *, ratio: float | None = None, triangles: int | None = None) -> PixyzScene:
        """Decimate in place: the SDK holds one scene, and it is changed."""
        opened = self._opened(scene, ReadOptions())
        wanted = ConvertOptions(ratio=ratio, triangles=triangles)  # checks the figures
        have = _triangles(opened)
        targets = [have]
        if wanted.triangles is not None:
            targets.append(wanted.triangles)
        if wanted.ratio is not None:
            targets.append(max(1, int(have * wanted.ratio)))
        if min(targets) < have:
            pxz.algo.decimateTarget([opened.root], ["triangleCount", min(targets)])
        return opened

    def formats(self) -> Formats:
        """What the SDK's documentation lists; a licence may allow less."""
        return Formats(reads=_READS, writes=_WRITES)

    def _opened(self, source: Source, options: ReadOptions) -> PixyzScene:
        if isinstance(source, PixyzScene):
            return source
        if isinstance(source, (str, Path)):
            return self.open(source, options)
        raise TypeError(f"this scene was not opened by the Pixyz SDK: {type(source).__name__}")


def _triangles(scene: PixyzScene) -> int:
    return int(pxz.scene.getPolygonCount([scene.root], True))  # noqa: FBT003  (the SDK's own signature)


def _point(point: Any) -> tuple[float, float, float]:
    return float(point.x), float(point.y), float(point.z)


def _field(infos: Any, name: str) -> int:
    """A field of what the SDK calls a dict: some versions give one, others an object."""
    return int(infos[name] if isinstance(infos, dict) else getattr(infos, name))
