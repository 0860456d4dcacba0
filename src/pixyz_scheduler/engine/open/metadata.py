"""`Metadata` of a scene: counted on its triangles, with what the file said of itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pixyz_scheduler.engine.base import Box, Metadata
from pixyz_scheduler.engine.open.looks import look_of
from pixyz_scheduler.engine.open.loops import connected_groups
from pixyz_scheduler.engine.open.scene import Scene


@dataclass(frozen=True)
class MeshCount:
    """One mesh, its points welded where they coincide: files split vertices at creases, and a box has eight."""

    triangles: int
    points: int
    edges: int
    boundary: int
    closed: bool


def of(scene: Scene) -> Metadata:
    """Count and measure. Triangles are counted as the file has them, points and edges after welding."""
    counts: dict[str, MeshCount] = {}
    shown: list[MeshCount] = []
    lows, highs, looks = [], [], set()
    for part in scene.parts():
        if part.mesh_name not in counts:
            counts[part.mesh_name] = count(np.asarray(part.mesh.vertices), np.asarray(part.mesh.faces))
            looks.add(look_of(part.mesh).key)
        shown.append(counts[part.mesh_name])
        used = np.asarray(part.mesh.vertices)[np.unique(part.mesh.faces)]
        matrix = scene.frame.from_scene @ part.matrix
        placed = used @ matrix[:3, :3].T + matrix[:3, 3]
        lows.append(placed.min(0))
        highs.append(placed.max(0))
    box = Box(_rounded(np.min(lows, axis=0)), _rounded(np.max(highs, axis=0)))
    facts = scene.facts
    return Metadata(
        format=scene.format,
        unit=scene.frame.unit,
        up=scene.frame.up,
        aabb=box,
        diagonal=box.diagonal,
        size=_rounded(np.asarray(box.size) * scene.frame.unit_metres),
        part_count=len(shown),
        material_count=facts.materials or len(looks),
        polygon_count=sum(each.triangles for each in shown),
        mesh_vertex_count=sum(each.points for each in shown),
        mesh_edge_count=sum(each.edges for each in shown),
        mesh_boundary=sum(each.boundary for each in shown),
        watertight=all(each.closed for each in shown),
        brep_body_count=facts.brep_bodies,
        brep_face_count=facts.brep_faces,
        brep_boundary=facts.brep_boundary,
        animation_count=facts.animations,
        variant_count=facts.variants,
        pmi_component_count=facts.pmi_components,
        annotation_count=facts.annotations,
        metadata_component_count=facts.metadata_components,
        metadata_property_count=facts.metadata_properties,
        warnings=scene.warnings,
    )


def count(vertices: Any, faces: Any) -> MeshCount:
    """Points, edges and open loops of one mesh."""
    points, welded = np.unique(np.ascontiguousarray(vertices, np.float32), axis=0, return_inverse=True)
    corners = welded.ravel()[faces]
    first, second, third = corners.T
    # What welding collapsed has no area: it is a polygon of the file, and no part of the surface.
    solid = corners[(first != second) & (second != third) & (first != third)]
    ends = np.sort(solid[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1).astype(np.int64)
    edges, uses = np.unique(ends[:, 0] * len(points) + ends[:, 1], return_counts=True)
    open_edges = edges[uses == 1]
    loops = connected_groups(
        zip((open_edges // len(points)).tolist(), (open_edges % len(points)).tolist(), strict=True)
    )
    closed = bool(len(edges)) and bool((uses == 2).all())  # noqa: PLR2004  (each edge between two triangles)
    return MeshCount(len(faces), len(np.unique(solid)), len(edges), loops, closed)


def _rounded(values: Any) -> tuple[float, float, float]:
    """To seven significant digits: a single-precision file says no more, and 0.1 reads as 0.1."""
    x, y, z = (float(f"{value:.7g}") + 0.0 for value in values)
    return x, y, z
