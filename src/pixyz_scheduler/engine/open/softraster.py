"""Draws a surface with numpy alone: no GPU, no display, no system library."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixyz_scheduler.engine.open import shading
from pixyz_scheduler.engine.open.camera import Camera, Projected, View, frame
from pixyz_scheduler.engine.open.fragments import Fragments
from pixyz_scheduler.engine.open.surface import Surface
from pixyz_scheduler.engine.open.zbuffer import ZBuffer, fill

Reals = NDArray[np.float32]

# A picture with more samples than this is drawn without supersampling: it is large, and memory is not.
MOST_SAMPLES = 24_000_000
# So many samples are held at once.
BAND_SAMPLES = 4_000_000
# How much light is left on the lines round parts, and on those along creases and steps.
PART_LINE = 0.38
CREASE_LINE = 0.66
# How much of its line's strength a see-through part shows in what is behind it.
CLEAR_LINE = 0.8
# Cosine between the normals of neighbouring samples below which a crease is drawn.
CREASE = 0.8
# How much farther, as part of the picture's height, the next sample of the same part must be to make a step.
STEP = 0.006


@dataclass(frozen=True)
class Picture:
    """How large a picture is, and what stands behind the model: linear RGB, or None for nothing."""

    width: int = 512
    height: int = 512
    background: tuple[float, float, float] | None = None
    supersampling: int = 2


def draw(surface: Surface, view: View, picture: Picture) -> NDArray[np.uint8]:
    """Draw a surface, framed tightly: RGBA (height, width, 4), sRGB, alpha not premultiplied."""
    fine = picture.supersampling
    if picture.width * picture.height * fine**2 > MOST_SAMPLES:
        fine = 1
    camera = frame(surface.points, view, aspect=picture.width / picture.height)
    width, height = picture.width * fine, picture.height * fine
    points = camera.project(surface.points, width=width, height=height)
    middle = float(np.median(points.distance)) if camera.perspective else 1.0
    easel = _Easel(surface, camera, points, width, height, fine, 2 * camera.half_height * middle, height)
    return np.concatenate(
        [_finished(easel.band(band, margin), picture, fine) for band, margin in _bands(picture, fine)]
    )


def _bands(picture: Picture, fine: int) -> Iterator[tuple[slice, slice]]:
    """Cut a picture into bands of rows that fit into memory, each also with the margin that its corners look into."""
    rows = max(1, BAND_SAMPLES // (picture.width * fine * fine))
    margin = math.ceil(shading.CORNER_REACH * picture.height) + 2
    for first in range(0, picture.height, rows):
        last = min(first + rows, picture.height)
        yield slice(first, last), slice(max(0, first - margin), min(picture.height, last + margin))


@dataclass(frozen=True)
class _Easel:
    """One view of a surface, ready to be painted; a canvas is linear RGBA (height, width, 4), alpha premultiplied.

    `width` and `height` count samples, `fine` of them along a pixel; `seen` is the height of the whole picture in the
    unit of the model, halfway into it, and `rows` its samples, of which a band has only some.
    """

    surface: Surface
    camera: Camera
    points: Projected
    width: int
    height: int
    fine: int
    seen: float
    rows: int

    def band(self, band: slice, margin: slice) -> Reals:
        """Paint the pixel rows of `band`, within those of `margin`."""
        top = margin.start * self.fine
        points = replace(self.points, y=self.points.y - top)
        easel = replace(self, points=points, height=(margin.stop - margin.start) * self.fine)
        return easel.canvas()[band.start * self.fine - top : band.stop * self.fine - top]

    def canvas(self) -> Reals:
        """Paint what is solid, and over it the nearest of what can be seen through."""
        clear = self.surface.clear
        solid = self.nearest(~clear)
        canvas = self.painted(solid)
        if clear.any():
            front = self.painted(self.nearest(clear).before(solid))
            canvas = front + canvas * (1 - front[:, :, 3:])
        return canvas

    def nearest(self, chosen: NDArray[np.bool_]) -> ZBuffer:
        return fill(self.points, self.surface.faces, np.flatnonzero(chosen), width=self.width, height=self.height)

    def painted(self, buffer: ZBuffer) -> Reals:
        canvas = np.zeros((self.height * self.width, 4), dtype=np.float32)
        samples = np.flatnonzero(buffer.triangle >= 0)
        if len(samples):
            fragments = Fragments.under(
                samples, buffer.triangle[samples], width=self.width, faces=self.surface.faces, points=self.points
            )
            normals = fragments.normals(self.surface, self.camera)
            colours = fragments.colours(self.surface)
            distance = self._spread(fragments, fragments.mixed(self.points.distance, self.surface.faces), empty=np.inf)
            lines = self._lines(fragments, normals, distance)
            dimmed = lines * self._corners(fragments, distance)
            # glass shows by its edges: lines let less through
            alpha = np.clip(colours[:, 3:], 0, 1)
            alpha = alpha + (1 - alpha) * (1 - lines[:, None]) * np.float32(CLEAR_LINE) * (alpha > 0)
            light = shading.lit(colours[:, :3], normals) * dimmed[:, None]
            canvas[samples, :3] = shading.softened(light) * alpha
            canvas[samples, 3:] = alpha
        return canvas.reshape(self.height, self.width, 4)

    def _lines(self, fragments: Fragments, normals: Reals, distance: Reals) -> Reals:
        """Give how much light is left at each sample by the lines round parts, along creases and at steps."""
        part = self._spread(fragments, self.surface.parts[fragments.triangle], empty=-1)
        normal = self._spread(fragments, normals, empty=0)
        # how far the distance may change to the next sample on one face, however tilted
        slope = np.hypot(normal[:, :, 0], normal[:, :, 1]) / np.maximum(normal[:, :, 2], np.float32(0.05))
        allowed = np.float32(self.seen) * (slope * np.float32(3 / self.rows) + np.float32(STEP))
        left = np.ones((self.height, self.width), dtype=np.float32)
        for here, there in (
            ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
            ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
        ):
            other_part = part[here] != part[there]
            crease = np.einsum("ijk,ijk->ij", normal[here], normal[there]) < CREASE
            with np.errstate(invalid="ignore"):  # nothing beside nothing: infinity less infinity is no step
                step = np.abs(distance[here] - distance[there]) > np.maximum(allowed[here], allowed[there])
            strength = np.where(crease | step, np.float32(CREASE_LINE), np.float32(1))
            strength[other_part] = PART_LINE
            for side in (here, there):
                left[side] = np.minimum(left[side], strength)
        seen: Reals = left.ravel()[fragments.sample]
        return seen

    def _corners(self, fragments: Fragments, distance: Reals) -> Reals:
        """Give how much light is left at each sample by the hollows near it; looked for at the picture's own size."""
        fine = self.fine
        coarse = distance.reshape(self.height // fine, fine, self.width // fine, fine).min(axis=(1, 3))
        reach = shading.CORNER_REACH
        dark = shading.corners(coarse, reach=reach * self.seen, samples=reach * self.rows / fine)
        row, column = np.divmod(fragments.sample, self.width)
        left: Reals = 1 - np.float32(shading.CORNER_DARKNESS) * dark[row // fine, column // fine]
        return left

    def _spread(self, fragments: Fragments, values: NDArray[Any], *, empty: float) -> NDArray[Any]:
        """Lay values of samples out as a picture (height, width, ...)."""
        picture = np.full((self.height * self.width, *values.shape[1:]), empty, dtype=values.dtype)
        picture[fragments.sample] = values
        return picture.reshape(self.height, self.width, *values.shape[1:])


def _finished(canvas: Reals, picture: Picture, fine: int) -> NDArray[np.uint8]:
    """Average the samples of each pixel in linear light, lay it over the background, encode."""
    mean = canvas.reshape(-1, fine, picture.width, fine, 4).mean(axis=(1, 3))
    alpha = mean[:, :, 3:]
    if picture.background is None:
        colour = mean[:, :, :3] / np.maximum(alpha, np.float32(1e-6))
    else:
        behind = np.array(picture.background, dtype=np.float32)
        colour, alpha = mean[:, :, :3] + behind * (1 - alpha), np.ones_like(alpha)
    return (np.concatenate([shading.encode(colour), alpha], axis=2) * 255 + 0.5).astype(np.uint8)
