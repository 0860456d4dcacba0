"""`Scene`: an opened file as triangles in metres with Y up, and what must be known to write it back.

Two rooms beside this one are called with it, and keep these signatures:

    pixyz_scheduler.engine.open.thumbnails.draw(scene: Scene, out_dir: Path, options: ThumbnailOptions) -> Thumbnails
    pixyz_scheduler.engine.open.decimate.decimate(scene: Scene, *, triangles: int) -> Scene     (by `scene.edited`)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixyz_scheduler.engine.open import glb as glb_container
from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.errors import EmptyScene

if TYPE_CHECKING:  # trimesh is heavy and optional: the engine must be importable without it
    import trimesh

Matrix = NDArray[np.float64]

UNITS = {
    "micrometre": 1e-6,
    "millimetre": 1e-3,
    "centimetre": 1e-2,
    "inch": 0.0254,
    "foot": 0.3048,
    "metre": 1.0,
    "kilometre": 1e3,
}


@dataclass(frozen=True)
class Frame:
    """A file's own unit and axes."""

    unit_metres: float = 1.0
    up: Literal["Y", "Z"] = "Y"

    @property
    def unit(self) -> str:
        """The unit's name; `0.01234 metre` for one without."""
        for name, metres in UNITS.items():
            if abs(self.unit_metres - metres) <= metres * 1e-6:
                return name
        return f"{self.unit_metres:g} metre"

    @property
    def to_scene(self) -> Matrix:
        """4x4: a point of the file, as a column, to metres with Y up."""
        turn = np.eye(4) if self.up == "Y" else np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]])
        return turn @ np.diag([self.unit_metres] * 3 + [1.0])

    @property
    def from_scene(self) -> Matrix:
        """4x4: a point in metres with Y up, as a column, to the file's own."""
        return np.asarray(np.linalg.inv(self.to_scene), dtype=np.float64)


METRES_Y_UP = Frame()
MILLIMETRES_Z_UP = Frame(1e-3, "Z")


@dataclass(frozen=True)
class Facts:
    """What a file holds beyond its triangles. None: the library at hand cannot know."""

    materials: int | None = None
    textures: int = 0
    animations: int = 0
    skins: int = 0
    morphs: int = 0
    variants: int = 0
    cameras_and_lights: int = 0
    brep_bodies: int | None = 0
    brep_faces: int | None = 0
    brep_boundary: int | None = 0
    pmi_components: int | None = 0
    annotations: int | None = 0
    metadata_components: int | None = 0
    metadata_properties: int | None = 0


@dataclass(frozen=True)
class Part:
    """One drawn instance of a mesh.

    Attributes:
        name: the node's name, unique in the scene.
        matrix: 4x4, from the mesh's own points to the scene (metres, Y up).
        mesh_name: instances of one mesh share it; a key of `scene.tree.geometry`.
        mesh: a `trimesh.Trimesh` with at least one triangle; shared between instances, so never change it.
    """

    name: str
    matrix: Matrix
    mesh_name: str
    mesh: "trimesh.Trimesh"


@dataclass(frozen=True)
class Scene:
    """An opened file.

    Attributes:
        path: the file it was read from (inside a zip: the main file's own path).
        format: the format it was read as, an extension without dot.
        frame: the file's own unit and axes.
        facts: what the file holds beyond triangles.
        glb: the whole scene as a GLB (metres, Y up), animations and skins included; None once edited.
        built: the triangles where they did not come from `glb`.
        document: the OCAF document of a CAD source, for writing exact geometry; None for others and once edited.
        warnings: what was lost or doubtful so far.
    """

    path: Path
    format: str
    frame: Frame
    facts: Facts = field(default_factory=Facts)
    glb: bytes | None = None
    built: "trimesh.Scene | None" = None
    document: Any = None
    warnings: tuple[str, ...] = ()

    @cached_property
    def tree(self) -> "trimesh.Scene":
        """Nodes and triangles (metres, Y up), read from `glb` when first asked for. Never change it: see `edited`."""
        if self.built is not None:
            return self.built
        if self.glb is None:
            raise EmptyScene(f"{self.path.name} holds no triangles.")
        return glb_container.load(self.glb, self.path.name)

    def parts(self) -> Iterator[Part]:
        """Every drawn instance."""
        graph = self.tree.graph
        trimesh = need("trimesh")
        for node in graph.nodes_geometry:
            matrix, mesh_name = graph[node]
            mesh = self.tree.geometry[mesh_name]
            if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces):
                yield Part(str(node), np.asarray(matrix, dtype=np.float64), str(mesh_name), mesh)

    @cached_property
    def triangle_count(self) -> int:
        """Triangles, each instance counted."""
        return sum(len(part.mesh.faces) for part in self.parts())

    def to_glb(self) -> bytes:
        """The scene as GLB bytes: the source's own where nothing was edited."""
        return self.glb if self.glb is not None else glb_container.dump(self.tree)

    def edited(self, tree: "trimesh.Scene", *, warnings: tuple[str, ...] = ()) -> "Scene":
        """The same scene with other triangles: GLB bytes, animations, skins and exact geometry are given up."""
        facts = replace(self.facts, animations=0, skins=0, morphs=0, variants=0)
        lost = [
            f"{count} {what} lost: the triangles were edited"
            for count, what in (
                (self.facts.animations, "animations"),
                (self.facts.skins, "skins"),
                (self.facts.morphs, "morph targets"),
                (self.facts.variants, "material variants"),
            )
            if count
        ]
        return replace(
            self,
            built=tree,
            glb=None,
            document=None,
            facts=facts,
            warnings=(*self.warnings, *lost, *warnings),
        )
