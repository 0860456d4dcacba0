"""What lies under the samples of a picture: triangle, place on it, normal and colour."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixyz_scheduler.engine.open.camera import Camera, Projected
from pixyz_scheduler.engine.open.surface import Surface

Reals = NDArray[np.float32]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Fragments:
    """The seen samples: their index in the picture, their triangle, and the weights of its corners (k, 3)."""

    sample: Indices
    triangle: Indices
    weights: Reals

    @classmethod
    def under(
        cls, samples: Indices, triangles: Indices, *, width: int, faces: Indices, points: Projected
    ) -> "Fragments":
        """Find the place on its triangle that each sample shows, right in perspective."""
        row, column = np.divmod(samples, width)
        corner = faces[triangles]
        x, y = points.x[corner], points.y[corner]
        weights = np.empty((len(samples), 3))
        for index, (one, other) in enumerate(((1, 2), (2, 0))):
            weights[:, index] = (x[:, one] - column) * (y[:, other] - row) - (x[:, other] - column) * (y[:, one] - row)
        area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
        weights[:, :2] /= area[:, None]
        weights[:, 2] = 1 - weights[:, 0] - weights[:, 1]
        weights = np.clip(weights, 0, 1) * points.nearness[corner]
        weights /= (weights[:, 0] + weights[:, 1] + weights[:, 2])[:, None]
        return cls(samples, triangles, weights.astype(np.float32))

    def mixed(self, values: NDArray[np.floating], faces: Indices) -> Reals:
        """Interpolate values of vertices, (n,) or (n, c)."""
        corner = faces[self.triangle]
        mixed = np.zeros((len(corner), *values.shape[1:]), dtype=np.float32)
        for index in range(3):
            weight = self.weights[:, index]
            mixed += values[corner[:, index]].astype(np.float32) * (weight if values.ndim == 1 else weight[:, None])
        return mixed

    def normals(self, surface: Surface, camera: Camera) -> Reals:
        """Give normals in camera axes that look at the eye, of length 1: both sides of a triangle are drawn."""
        axes = camera.axes().astype(np.float32)
        flat = _flat_normals(surface, self.triangle, camera)
        corners = surface.normals[self.triangle]
        smooth: Reals = np.einsum("kic,ki->kc", corners, self.weights) @ axes
        length = _lengths(smooth)
        broken = ~(np.isfinite(length) & (length > np.float32(1e-6)))
        smooth[broken], length[broken] = flat[broken], 1
        smooth /= length[:, None]
        # a shaded normal goes with the side that is seen, whichever way its file winds the triangle
        smooth[np.einsum("kc,kc->k", smooth, flat) < 0] *= -1
        return smooth

    def colours(self, surface: Surface) -> Reals:
        """Give linear RGBA."""
        colours = surface.colours[self.triangle]
        if surface.tints is not None:
            colours = colours * self.mixed(surface.tints, surface.faces)
        if surface.uvs is not None:
            uv = self.mixed(surface.uvs, surface.faces)
            for texture in surface.textures:
                inside = np.flatnonzero((self.triangle >= texture.first) & (self.triangle < texture.last))
                colours[inside] *= _looked_up(texture.image, uv[inside])
        return colours


def _flat_normals(surface: Surface, triangles: Indices, camera: Camera) -> Reals:
    used, place = np.unique(triangles, return_inverse=True)
    corner = surface.points[surface.faces[used]]
    flat = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    away = ((corner[:, 0] - camera.eye) * flat).sum(axis=1) if camera.perspective else flat @ camera.forward
    flat[away > 0] *= -1
    flat /= (_lengths(flat) + 1e-300)[:, None]
    return (flat @ camera.axes()).astype(np.float32)[place]


def _lengths(vectors: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.sqrt(np.einsum("kc,kc->k", vectors, vectors)))


def _looked_up(image: Reals, uv: Reals) -> Reals:
    height, width = image.shape[:2]
    finite = np.nan_to_num(uv, nan=0.0, posinf=0.0, neginf=0.0)
    column = np.floor((finite[:, 0] % 1) * width).astype(np.int64) % width
    row = np.floor((1 - finite[:, 1] % 1) * height).astype(np.int64) % height
    found: Reals = image[row, column]
    return found
