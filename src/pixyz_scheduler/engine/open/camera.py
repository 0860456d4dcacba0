"""Where the eye stands: named views, and the camera that frames a model tightly in a picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class View:
    """A direction to look in, in glTF's axes (Y up), for a model of any size.

    `field_of_view` is the vertical angle in degrees; 0 is a parallel projection.
    """

    direction: Vector
    up: Vector = (0.0, 1.0, 0.0)
    field_of_view: float = 0.0


ISO = View(direction=(-0.62, -0.5, -1.0), field_of_view=24.0)
FROM_RIGHT = View(direction=(-1.0, 0.0, 0.0))
FROM_FRONT = View(direction=(0.0, 0.0, -1.0))
FROM_TOP = View(direction=(0.0, -1.0, 0.0), up=(0.0, 0.0, -1.0))


def named_views(*, z_up: bool) -> dict[str, View]:
    """Give the four views that users know, named by the axis of the source that each looks along.

    Sources with Z up (CAD) have their front along Y, those with Y up along Z.
    """
    y, z = (FROM_FRONT, FROM_TOP) if z_up else (FROM_TOP, FROM_FRONT)
    return {"iso": ISO, "x": FROM_RIGHT, "y": y, "z": z}


@dataclass(frozen=True)
class Projected:
    """Points on the picture.

    `x` and `y` count samples from the upper left, whole numbers at the middle of a sample. `depth` is linear over the
    picture, from 1 at the farthest to 2 at the nearest point. `nearness` is 1 / distance (1 for a parallel view): the
    weight that makes interpolation right in perspective. `distance` is measured along the view, in the model's unit.
    """

    x: Floats
    y: Floats
    depth: Floats
    nearness: Floats
    distance: Floats


@dataclass(frozen=True)
class Camera:
    """An eye, its axes, and the half width and height of what it sees.

    In perspective `half_width` and `half_height` are those at distance 1, else in the unit of the model.
    """

    right: Floats
    up: Floats
    forward: Floats
    eye: Floats
    half_width: float
    half_height: float
    perspective: bool

    def axes(self) -> Floats:
        """Give the matrix that turns a row vector into camera axes: right, up, towards the eye."""
        return np.stack([self.right, self.up, -self.forward], axis=1)

    def project(self, points: Floats, *, width: int, height: int) -> Projected:
        """Put points on a picture of `width` by `height` samples."""
        offset = points - self.eye
        distance = offset @ self.forward
        nearness = 1.0 / np.maximum(distance, 1e-12) if self.perspective else np.ones(len(points))
        depth = nearness if self.perspective else -distance
        span = float(np.ptp(depth))
        across = (offset @ self.right) * nearness / self.half_width
        along = (offset @ self.up) * nearness / self.half_height
        return Projected(
            x=(across + 1) * (width / 2) - 0.5,
            y=(1 - along) * (height / 2) - 0.5,
            depth=1.0 + (depth - depth.min()) / span if span > 0 else np.full(len(points), 1.5),
            nearness=nearness,
            distance=distance,
        )


def frame(points: Floats, view: View, *, aspect: float, margin: float = 0.04) -> Camera:
    """Give the camera that shows all points, touches the margin on one pair of sides and is centred on both.

    `aspect` is width / height; `margin` the part of the picture left free on each side.
    """
    right, up, forward = _axes(view)
    local = points @ np.stack([right, up, forward], axis=1)
    low, high = local.min(axis=0), local.max(axis=0)
    size = float(np.linalg.norm(high - low)) or 1.0
    free = 1 - 2 * margin
    if view.field_of_view <= 0:
        half_height = max((high[1] - low[1]) / 2, (high[0] - low[0]) / 2 / aspect, size * 1e-6) / free
        middle = (low + high) / 2
        local_eye = np.array([middle[0], middle[1], low[2] - size])
        half_width = half_height * aspect
    else:
        tangent = float(np.tan(np.radians(view.field_of_view) / 2))
        half_height, half_width = (tangent, tangent * aspect) if aspect >= 1 else (tangent / aspect, tangent)
        local_eye = _perspective_eye(local, half_width * free, half_height * free, size)
    eye = local_eye @ np.stack([right, up, forward])
    return Camera(right, up, forward, eye, half_width, half_height, perspective=view.field_of_view > 0)


def _axes(view: View) -> tuple[Floats, Floats, Floats]:
    forward = np.asarray(view.direction, dtype=np.float64)
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, np.asarray(view.up, dtype=np.float64))
    right = right / np.linalg.norm(right)
    return right, np.cross(right, forward), forward


def _perspective_eye(local: Floats, half_width: float, half_height: float, size: float) -> Floats:
    """Solve for the eye whose pyramid of sight touches the points.

    A point is inside when |x - ex| <= half_width * (z - ez): each side of the pyramid gives one bound, the two bounds
    of an axis give its nearest distance; the farther of both axes is taken.
    """
    depth = local[:, 2]
    nearest = []
    for axis, half in ((0, half_width), (1, half_height)):
        one, other = (local[:, axis] - half * depth).max(), (-local[:, axis] - half * depth).max()
        nearest.append((one + other) / 2 / half)
    back = max(*nearest, size * 1e-3 - depth.min())
    distance = depth + back
    eye = np.array([0.0, 0.0, -back])
    for axis in (0, 1):
        eye[axis] = _balance(local[:, axis], distance)
    return eye


def _balance(places: Floats, distance: Floats) -> float:
    """Give the eye's place on an axis from which the picture is as far from its middle on both sides."""
    middle = float(places.min() + places.max()) / 2
    for _ in range(12):  # Newton's steps on a function made of straight pieces: two or three are enough
        seen = (places - middle) / distance
        one, other = int(seen.argmax()), int(seen.argmin())
        error = float(seen[one] + seen[other])
        if abs(error) < 1e-9:  # noqa: PLR2004 (a billionth of the distance)
            break
        middle += error / float(1 / distance[one] + 1 / distance[other])
    return middle
