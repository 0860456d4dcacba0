"""A scene as arrays: what a renderer needs to know of it, and no tree."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixyz_scheduler.engine.open import creases
from pixyz_scheduler.engine.open.appearance import Appearance, Reals, appearance_of
from pixyz_scheduler.engine.open.scene import Part, Scene
from pixyz_scheduler.errors import EmptyScene

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

# A point farther away than this (in metres), or that is no number, is a mistake of its file.
FARTHEST = 1e12


@dataclass(frozen=True)
class Texture:
    """A picture on the triangles from `first` up to, not with, `last`: linear RGBA (height, width, 4), row 0 on top."""

    first: int
    last: int
    image: Reals


@dataclass(frozen=True)
class Surface:
    """Triangles of a whole scene in metres with Y up, colours linear.

    `points` (n, 3) belong to vertices; `faces` (m, 3), `colours` (m, 4), `parts` (m,) and `clear` (m,: may be seen
    through) to triangles; `normals` (m, 3, 3) to the corners of triangles. `tints` (n, 4) multiply the colours, `uvs`
    (n, 2) place the textures, v upwards; both are None where no part has any.
    """

    points: Floats
    faces: Indices
    normals: Reals
    colours: Reals
    parts: Indices
    clear: NDArray[np.bool_]
    tints: Reals | None = None
    uvs: Reals | None = None
    textures: tuple[Texture, ...] = ()


def flatten(scene: Scene, *, texture_size: int = 1024) -> Surface:
    """Put all parts of a scene into one surface; textures are reduced to at most `texture_size` on a side."""
    normals: dict[str, Reals] = {}
    looks: dict[str, Appearance] = {}
    pieces: list[_Piece] = []
    for number, part in enumerate(scene.parts()):
        if part.mesh_name not in normals:
            normals[part.mesh_name] = creases.normals_of(part.mesh)
            looks[part.mesh_name] = appearance_of(
                part.mesh, linear=scene.format in ("glb", "gltf"), texture_size=texture_size
            )
        piece = _placed(part, number, normals[part.mesh_name], looks[part.mesh_name])
        if len(piece.faces):
            pieces.append(piece)
    if not pieces:
        raise EmptyScene(f"{scene.path.name} holds no triangle that can be drawn.")
    return _joined(pieces)


@dataclass(frozen=True)
class _Piece:
    """One instance in its place."""

    points: Floats
    faces: Indices
    normals: Reals
    number: int
    look: Appearance


def _placed(part: Part, number: int, normals: Reals, look: Appearance) -> _Piece:
    """Put an instance in its place; triangles with a point that is nowhere are left out."""
    turn = part.matrix[:3, :3]
    with np.errstate(invalid="ignore", over="ignore"):
        points = np.asarray(part.mesh.vertices, dtype=np.float64) @ turn.T + part.matrix[:3, 3]
        usual = (np.abs(points) < FARTHEST).all(axis=1)
    faces = np.asarray(part.mesh.faces, dtype=np.int64)
    if not usual.all():
        kept = usual[faces].all(axis=1)
        faces, normals, look = faces[kept], normals[kept], look.kept(kept)
        points = np.where(usual[:, None], points, 0)
    # normals turn by the inverse transposed; a matrix that flattens its part has none: the flat normals will do
    stand_up = np.linalg.inv(turn) if abs(np.linalg.det(turn)) > 1e-300 else np.eye(3)  # noqa: PLR2004 (not zero)
    return _Piece(points, faces, (normals @ stand_up.astype(np.float32)), number, look)


def _joined(pieces: list[_Piece]) -> Surface:
    counts = np.array([len(piece.points) for piece in pieces])
    starts = np.concatenate([[0], np.cumsum(counts)])
    sizes = np.array([len(piece.faces) for piece in pieces])
    firsts = np.concatenate([[0], np.cumsum(sizes)])
    textures = tuple(
        Texture(int(firsts[index]), int(firsts[index + 1]), piece.look.texture)
        for index, piece in enumerate(pieces)
        if piece.look.texture is not None
    )
    faces = np.concatenate([piece.faces + starts[index] for index, piece in enumerate(pieces)])
    points = np.concatenate([piece.points for piece in pieces])
    used = np.unique(faces)
    place = np.zeros(len(points), dtype=np.int64)
    place[used] = np.arange(len(used))
    tinted = any(piece.look.tints is not None for piece in pieces)
    tints = np.concatenate([piece.look.tints_for(len(piece.points)) for piece in pieces])[used] if tinted else None
    uvs = np.concatenate([piece.look.uvs_for(len(piece.points)) for piece in pieces])[used] if textures else None
    return Surface(
        points=points[used],
        faces=place[faces],
        normals=np.concatenate([piece.normals for piece in pieces]),
        colours=np.concatenate([piece.look.colours_for(len(piece.faces)) for piece in pieces]),
        parts=np.repeat([piece.number for piece in pieces], sizes),
        clear=np.repeat([piece.look.clear for piece in pieces], sizes),
        tints=tints,
        uvs=uvs,
        textures=textures,
    )
