"""Fewer triangles for the same scene: names, colours and places stay."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from pixyz_scheduler.engine.open import budget, simplify
from pixyz_scheduler.engine.open.budget import Load
from pixyz_scheduler.engine.open.libraries import need
from pixyz_scheduler.engine.open.scene import Scene

if TYPE_CHECKING:  # heavy and optional: the engine must be importable without it
    import trimesh

# Meshes that will not shrink as far as they should leave the rest to the others: how often that is tried.
ROUNDS = 3


def decimate(scene: Scene, *, triangles: int) -> Scene:
    """Give a scene of at most `triangles` triangles, each instance counted; the same one where it has so few."""
    if triangles < 1:
        raise ValueError(f"triangles must be at least 1, not {triangles}")
    if scene.triangle_count <= triangles:
        return scene
    used = _meshes(scene)
    shrunk = _shrunk(used, triangles)
    left_out = _left_out(used, shrunk, triangles)
    warnings = []
    textured = sum(mesh is not used[name].mesh and simplify.has_texture(mesh) for name, mesh in shrunk.items())
    if textured:
        warnings.append(
            f"textures may be smeared on {textured} decimated meshes: their UVs are those of points near by"
        )
    if left_out:
        warnings.append(f"the {len(left_out)} smallest meshes are left out: {triangles} triangles are too few for all")
    return scene.edited(_tree(scene, shrunk, left_out), warnings=tuple(warnings))


def by_ratio(scene: Scene, *, ratio: float) -> Scene:
    """Give a scene with a share of its triangles: `ratio` over 0 and at most 1."""
    if not 0 < ratio <= 1:
        raise ValueError(f"ratio must be over 0 and at most 1, not {ratio}")
    return decimate(scene, triangles=max(1, int(scene.triangle_count * ratio)))


@dataclass(frozen=True)
class _Used:
    """A mesh, and how it is used in its scene."""

    mesh: "trimesh.Trimesh"
    load: Load

    @cached_property
    def content(self) -> bytes:
        """Equal for equal meshes: CAD writers give each instance a mesh of its own."""
        visual: Any = self.mesh.visual
        digest = blake2b(np.ascontiguousarray(self.mesh.vertices).tobytes())
        digest.update(np.ascontiguousarray(self.mesh.faces).tobytes())
        material = getattr(visual, "material", None)
        # colours without a material are not looked into: such a mesh is equal to itself alone
        digest.update(str(id(self.mesh) if material is None else id(material)).encode())
        for values in (getattr(visual, "uv", None), getattr(visual, "vertex_attributes", {}).get("color")):
            digest.update(b"" if values is None else np.ascontiguousarray(values).tobytes())
        return digest.digest()


def _meshes(scene: Scene) -> dict[str, _Used]:
    counts: dict[str, int] = {}
    sizes: dict[str, float] = {}
    meshes: dict[str, trimesh.Trimesh] = {}
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for part in scene.parts():
        name, matrix = part.mesh_name, part.matrix
        corners = np.stack(np.meshgrid(*np.asarray(part.mesh.bounds).T, indexing="ij"), axis=-1).reshape(-1, 3)
        corners = corners @ matrix[:3, :3].T + matrix[:3, 3]
        low, high = np.minimum(low, corners.min(axis=0)), np.maximum(high, corners.max(axis=0))
        counts[name] = counts.get(name, 0) + 1
        sizes[name] = max(sizes.get(name, 0.0), float(np.linalg.norm(np.ptp(corners, axis=0))))
        meshes[name] = part.mesh
    whole = float(np.linalg.norm(high - low)) or 1.0
    return {
        name: _Used(mesh, Load(len(mesh.faces), counts[name], sizes[name] / whole)) for name, mesh in meshes.items()
    }


def _shrunk(used: Mapping[str, _Used], triangles: int) -> dict[str, "trimesh.Trimesh"]:
    """Simplify each mesh to its share; what stays larger than that takes from the others' share in the next round."""
    targets: dict[str, int] = {}
    done: dict[str, trimesh.Trimesh] = {}
    simplified: dict[tuple[bytes, int], trimesh.Trimesh] = {}
    stuck: dict[str, int] = {}
    for _ in range(ROUNDS):
        free = [name for name in used if name not in stuck]
        rest = triangles - sum(count * used[name].load.instances for name, count in stuck.items())
        if not free or rest < 1:
            break
        shares = budget.share([used[name].load for name in free], triangles=rest)
        for name, target in zip(free, shares, strict=True):
            if targets.get(name) != target:
                targets[name] = target
                key = (used[name].content, target)
                if key not in simplified:
                    simplified[key] = simplify.simplified(used[name].mesh, target)
                done[name] = simplified[key]
        if _total(used, done) <= triangles:
            break
        stuck |= {name: len(done[name].faces) for name in free if len(done[name].faces) > targets[name]}
    return done


def _total(used: Mapping[str, _Used], meshes: Mapping[str, "trimesh.Trimesh"]) -> int:
    return sum(len(mesh.faces) * used[name].load.instances for name, mesh in meshes.items())


def _left_out(used: Mapping[str, _Used], meshes: Mapping[str, "trimesh.Trimesh"], triangles: int) -> set[str]:
    """Name the smallest meshes, as many as must go; the largest one stays."""
    excess = _total(used, meshes) - triangles
    names: set[str] = set()
    for name in sorted(meshes, key=lambda name: used[name].load.size)[:-1]:
        if excess <= 0:
            break
        names.add(name)
        excess -= len(meshes[name].faces) * used[name].load.instances
    return names


def _tree(scene: Scene, meshes: Mapping[str, "trimesh.Trimesh"], left_out: set[str]) -> "trimesh.Scene":
    """The scene's nodes with other meshes on them; what is no triangles (lines, points) stays as it is."""
    library: Any = need("trimesh")
    graph: Any = scene.tree.graph
    tree: trimesh.Scene = library.Scene(base_frame=graph.base_frame, metadata=dict(scene.tree.metadata))
    tree.graph = graph.copy()
    tree.geometry.update(scene.tree.geometry)
    tree.geometry.update(meshes)
    if left_out:
        tree.delete_geometry(left_out)
    return tree
