"""What a mesh looks like, its file format forgotten: linear colours, a texture, see-through or not."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pixyz_scheduler.engine.open.looks import look_of
from pixyz_scheduler.engine.open.shading import decode

if TYPE_CHECKING:  # heavy and optional: the engine must be importable without them
    import trimesh

Reals = NDArray[np.float32]

# Light grey, for a mesh that says nothing of its colour.
PLAIN = np.array([0.55, 0.56, 0.58, 1.0], dtype=np.float32)
OPAQUE = 0.999
WHITE = np.ones(4, dtype=np.float32)


@dataclass(frozen=True)
class Appearance:
    """The look of one mesh; all colours are linear RGBA, 0 to 1.

    `colours` is (4,) for all triangles or (m, 4) for each; `tints` (n, 4) multiply them by vertex; `uvs` (n, 2) place
    `texture` (height, width, 4), v upwards.
    """

    colours: Reals
    clear: bool = False
    tints: Reals | None = None
    uvs: Reals | None = None
    texture: Reals | None = None

    def kept(self, faces: NDArray[np.bool_]) -> "Appearance":
        """Give the look of the chosen triangles."""
        return self if self.colours.ndim == 1 else replace(self, colours=self.colours[faces])

    def colours_for(self, count: int) -> Reals:
        """Give a colour for each of `count` triangles."""
        return np.broadcast_to(self.colours, (count, 4))

    def tints_for(self, count: int) -> Reals:
        """Give a tint for each of `count` vertices, white where there is none."""
        return np.broadcast_to(WHITE, (count, 4)) if self.tints is None else self.tints

    def uvs_for(self, count: int) -> Reals:
        """Give a place on the texture for each of `count` vertices."""
        return np.zeros((count, 2), dtype=np.float32) if self.uvs is None else self.uvs


def appearance_of(mesh: "trimesh.Trimesh", *, linear: bool, texture_size: int) -> Appearance:
    """Read the look of a mesh.

    Args:
        mesh: as trimesh read it.
        linear: its vertex colours are linear (glTF), not sRGB (PLY, OBJ, OFF).
        texture_size: textures are reduced to at most this on a side; a picture needs no more.
    """
    material = getattr(mesh.visual, "material", None)
    if material is None:
        return _coloured(mesh, linear=linear)
    look = look_of(mesh)
    colour: Reals = np.asarray(look.colour, dtype=np.float32)
    image = look.image
    if stands_in(image):
        colour, image = PLAIN, None
    elif not colour[:3].any() and (image is not None or not look.name):
        colour = WHITE if image is not None else PLAIN  # black beside a texture, or of a material that says nothing
    tints = _vertex_tints(mesh)
    uvs = _usable_uvs(mesh)
    texture = None if image is None or uvs is None else _texture(image, texture_size)
    clear = bool(colour[3] < OPAQUE) and getattr(material, "alphaMode", "BLEND") != "OPAQUE"
    if texture is not None and getattr(material, "alphaMode", None) in ("BLEND", "MASK"):
        clear = clear or bool(texture[:, :, 3].min() < OPAQUE)
    if not clear:
        colour = np.append(colour[:3], np.float32(1))
    return Appearance(colour, clear, tints, uvs if texture is not None else None, texture)


def _coloured(mesh: "trimesh.Trimesh", *, linear: bool) -> Appearance:
    visual: Any = mesh.visual
    if visual.kind == "face":
        colours = _linear(visual.face_colors, linear=linear)
        return Appearance(colours, clear=bool(colours[:, 3].min() < OPAQUE))
    if visual.kind == "vertex":
        tints = _linear(visual.vertex_colors, linear=linear)
        return Appearance(WHITE, clear=bool(tints[:, 3].min() < OPAQUE), tints=tints)
    return Appearance(PLAIN)


def stands_in(image: Any) -> bool:
    """Tell whether an image is the grey one that trimesh makes up for a file with UVs and no material."""
    return image is not None and image.size == (2, 2) and image.convert("RGB").getextrema() == ((100, 100),) * 3


def _linear(colours: Any, *, linear: bool) -> Reals:
    values: Reals = np.asarray(colours, dtype=np.float32) / np.float32(255)
    if not linear:
        values[:, :3] = decode(values[:, :3])
    return values


def _vertex_tints(mesh: "trimesh.Trimesh") -> Reals | None:
    """Give glTF's COLOR_0 beside a material: linear, 8 or 16 bits or floats, three or four channels."""
    colours = getattr(mesh.visual, "vertex_attributes", {}).get("color")
    if colours is None or len(colours) != len(mesh.vertices):
        return None
    values = np.asarray(colours)
    top = float(np.iinfo(values.dtype).max) if values.dtype.kind == "u" else 1.0
    tints = np.ones((len(values), 4), dtype=np.float32)
    tints[:, : values.shape[1]] = values / top
    return tints


def _usable_uvs(mesh: "trimesh.Trimesh") -> Reals | None:
    uvs = getattr(mesh.visual, "uv", None)
    if uvs is None or len(uvs) != len(mesh.vertices):
        return None
    return np.asarray(uvs, dtype=np.float32)


def _texture(image: Any, texture_size: int) -> Reals:
    image = image.convert("RGBA")
    longest = max(image.size)
    if longest > texture_size:
        image = image.reduce(-(-longest // texture_size))
    values: Reals = np.asarray(image, dtype=np.float32) / np.float32(255)
    values[:, :, :3] = decode(values[:, :, :3])
    return values
