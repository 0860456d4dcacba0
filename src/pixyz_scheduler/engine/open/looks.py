"""`Look`: what a mesh looks like, however trimesh says it. Factors are linear, images and vertex colours sRGB."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

GREY = (0.26, 0.27, 0.3, 1.0)
"""The colour of what has none; linear."""


@dataclass(frozen=True)
class Look:
    """A material.

    Attributes:
        name: the material's name; empty where there is none.
        colour: linear RGBA.
        image: base colour image (pillow, sRGB), or None.
        metallic: 0 to 1.
        roughness: 0 to 1.
    """

    name: str
    colour: tuple[float, float, float, float]
    image: Any = None
    metallic: float = 0.0
    roughness: float = 0.5

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for equal looks."""
        return (self.name, self.colour, id(self.image) if self.image is not None else None)


def look_of(mesh: Any) -> Look:
    """The look of a trimesh mesh; of one with a colour at each vertex or face, the main one."""
    material = getattr(mesh.visual, "material", None)
    if material is not None:
        return _of_material(material)
    if mesh.visual.kind is None:
        return Look("", GREY)
    return Look("", _linear(np.asarray(mesh.visual.main_color, dtype=float) / 255))


def has_look(mesh: Any) -> bool:
    """Whether the file gave the mesh a material or colours."""
    return getattr(mesh.visual, "kind", None) is not None


def vertex_colours(mesh: Any) -> Any:
    """SRGB RGBA bytes at each vertex where the mesh has them, else None."""
    return np.asarray(mesh.visual.vertex_colors) if is_vertex_coloured(mesh) else None


def is_vertex_coloured(mesh: Any) -> bool:
    """Whether the colours stand at the vertices or faces, and not in a material."""
    return getattr(getattr(mesh, "visual", None), "kind", None) in ("vertex", "face")


def recoloured(mesh: Any, change: Callable[[Any], Any]) -> Any:
    """A copy with the colours at its vertices changed: n x 4 bytes in, n x 4 bytes out."""
    copy = mesh.copy()
    copy.visual.vertex_colors = change(np.asarray(mesh.visual.vertex_colors))
    return copy


def to_srgb(colour: tuple[float, ...]) -> tuple[int, ...]:
    """Linear RGBA as sRGB bytes."""
    values = np.clip(np.asarray(colour, dtype=float), 0, 1)
    return tuple(int(value) for value in np.round(np.append(_curved(values[:3]), values[3:]) * 255))


def to_srgb_bytes(colours: Any) -> Any:
    """Linear RGBA bytes as sRGB bytes."""
    return np.column_stack([np.round(_curved(colours[:, :3] / 255) * 255), colours[:, 3]]).astype(np.uint8)


def to_linear_bytes(colours: Any) -> Any:
    """RGBA bytes in sRGB as linear bytes."""
    return np.column_stack([np.round(_straight(colours[:, :3] / 255) * 255), colours[:, 3]]).astype(np.uint8)


def _curved(values: Any) -> Any:
    """Linear to sRGB, 0 to 1 (IEC 61966-2-1)."""
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)  # noqa: PLR2004


def _straight(values: Any) -> Any:
    """From sRGB to linear, 0 to 1 (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004


def _linear(colour: Any) -> tuple[float, float, float, float]:
    red, green, blue = _straight(colour[:3])
    return float(red), float(green), float(blue), float(colour[3]) if len(colour) > 3 else 1.0  # noqa: PLR2004


def _rgba(values: Any) -> tuple[float, float, float, float]:
    """Factors as floats; trimesh keeps them as bytes."""
    numbers = np.asarray(values, dtype=float)
    if np.asarray(values).dtype.kind in "ui":
        numbers = numbers / 255
    red, green, blue = numbers[:3]
    return float(red), float(green), float(blue), float(numbers[3]) if len(numbers) > 3 else 1.0  # noqa: PLR2004


def _of_material(material: Any) -> Look:
    name = str(getattr(material, "name", None) or "")
    if hasattr(material, "baseColorFactor"):
        factor = material.baseColorFactor
        roughness, metallic = material.roughnessFactor, material.metallicFactor
        return Look(
            name,
            (1.0, 1.0, 1.0, 1.0) if factor is None else _rgba(factor),
            material.baseColorTexture,
            1.0 if metallic is None else float(metallic),
            1.0 if roughness is None else float(roughness),
        )
    # OBJ's Kd is taken as it stands, as other readers of OBJ do.
    return Look(name, _rgba(material.diffuse), getattr(material, "image", None))
