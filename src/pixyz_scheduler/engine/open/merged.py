"""All parts of a scene as one list of triangles, for formats that hold no more."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pixyz_scheduler.engine.open.looks import look_of, to_srgb, vertex_colours
from pixyz_scheduler.engine.open.scene import Frame, Scene


@dataclass(frozen=True)
class Merged:
    """One mesh.

    Attributes:
        points: n x 3, in the frame asked for.
        faces: m x 3 indices; counter-clockwise seen from outside, mirrored parts too.
        colours: n x 4 sRGB bytes.
    """

    points: Any
    faces: Any
    colours: Any


def merge(scene: Scene, frame: Frame) -> Merged:
    """Every part, placed."""
    points, faces, colours, start = [], [], [], 0
    for part in scene.parts():
        matrix = frame.from_scene @ part.matrix
        vertices = np.asarray(part.mesh.vertices)
        points.append(vertices @ matrix[:3, :3].T + matrix[:3, 3])
        mirrored = np.linalg.det(matrix[:3, :3]) < 0
        corners = np.asarray(part.mesh.faces)
        faces.append((corners[:, ::-1] if mirrored else corners) + start)
        own = vertex_colours(part.mesh)
        colours.append(own if own is not None else np.tile(_plain(part.mesh), (len(vertices), 1)))
        start += len(vertices)
    return Merged(np.concatenate(points), np.concatenate(faces), np.concatenate(colours).astype(np.uint8))


def _plain(mesh: Any) -> Any:
    return np.array(to_srgb(look_of(mesh).colour), dtype=np.uint8)
