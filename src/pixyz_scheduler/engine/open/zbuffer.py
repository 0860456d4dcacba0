"""Which triangle is nearest at each sample of a picture: numpy alone, no graphics library.

Triangles become spans of samples, one a row, so that the work is that of the samples covered, whatever the triangles'
shapes. They are taken front to back: most samples of what lies behind are dropped by one comparison.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pixyz_scheduler.engine.open.camera import Projected

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]

# How far over its edge a triangle still covers a sample: closes the seam of two triangles, hides rounding.
SEAM = 1e-6
BATCH = 1_500_000


@dataclass(frozen=True)
class ZBuffer:
    """For each sample, row by row, the nearest triangle and its depth; -1 and 0 where there is none."""

    triangle: Indices
    depth: NDArray[np.float32]

    def before(self, other: "ZBuffer") -> "ZBuffer":
        """Keep what is nearer than what another buffer holds."""
        nearer = self.depth > other.depth
        return ZBuffer(np.where(nearer, self.triangle, -1), np.where(nearer, self.depth, np.float32(0)))


def fill(points: Projected, faces: Indices, chosen: Indices, *, width: int, height: int) -> ZBuffer:
    """Find the nearest of the `chosen` faces at each of `width` x `height` samples."""
    corner = faces[chosen]
    x, y, depth = points.x[corner], points.y[corner], points.depth[corner]
    first = np.maximum(np.ceil(_least(y) - SEAM), 0).astype(np.int64)
    last = np.minimum(np.floor(_most(y) + SEAM), height - 1).astype(np.int64)
    right_of_left = np.floor(_most(x) + SEAM) >= np.maximum(np.ceil(_least(x) - SEAM), 0)
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    wanted = np.flatnonzero((last >= first) & right_of_left & (np.abs(area) > 1e-12))  # noqa: PLR2004 (samples squared)
    wanted = wanted[np.argsort(-_most(depth[wanted]), kind="stable")]
    keys = np.zeros(width * height, dtype=np.uint64)
    for part in _batches(last[wanted] - first[wanted] + 1):
        batch = wanted[part]
        rows = _spans(x[batch], y[batch], depth[batch], first[batch], last[batch], width)
        for piece in _batches(rows.length):
            _write(keys, rows, piece, chosen[batch], width)
    return ZBuffer(
        triangle=(keys & np.uint64(0xFFFFFFFF)).astype(np.int64) - 1,
        depth=(keys >> np.uint64(32)).astype(np.uint32).view(np.float32),
    )


@dataclass(frozen=True)
class _Spans:
    """Runs of samples, each in one row of one triangle."""

    owner: Indices
    start: Indices
    row: Indices
    length: Indices
    depth: Floats
    slope: Floats


def _spans(
    x: Floats,
    y: Floats,
    depth: Floats,
    first: Indices,
    last: Indices,
    width: int,
) -> _Spans:
    owner, row = _unroll(last - first + 1)
    row = row + first[owner]
    left = np.full(len(owner), np.inf)
    right = np.full(len(owner), -np.inf)
    for one, other in ((0, 1), (1, 2), (2, 0)):
        rise = y[:, other] - y[:, one]
        with np.errstate(divide="ignore", invalid="ignore"):
            run = (x[:, other] - x[:, one]) / rise
            along = (row - y[owner, one]) / rise[owner]
            crossing = x[owner, one] + (row - y[owner, one]) * run[owner]
        # a level edge divides by zero and is never crossed: its ends belong to the other two
        crossed = (along >= -SEAM) & (along <= 1 + SEAM) & np.isfinite(crossing)
        left = np.where(crossed, np.minimum(left, crossing), left)
        right = np.where(crossed, np.maximum(right, crossing), right)
    begin = np.maximum(np.ceil(left - SEAM), 0)
    end = np.minimum(np.floor(right + SEAM), width - 1)
    kept = np.flatnonzero(end >= begin)
    owner, row, begin, end = owner[kept], row[kept], begin[kept], end[kept]
    slope_x, slope_y = _slopes(x, y, depth)
    at_begin = depth[owner, 0] + slope_x[owner] * (begin - x[owner, 0]) + slope_y[owner] * (row - y[owner, 0])
    return _Spans(
        owner=owner,
        start=begin.astype(np.int64),
        row=row,
        length=(end - begin + 1).astype(np.int64),
        # a sliver's plane is steep: beyond its corners it must not reach in front of others
        depth=np.clip(at_begin, _least(depth)[owner], _most(depth)[owner]),
        slope=slope_x[owner],
    )


def _slopes(x: Floats, y: Floats, depth: Floats) -> tuple[Floats, Floats]:
    """Give how depth changes for one sample to the right and one down, for each triangle."""
    ax, ay, ad = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0], depth[:, 1] - depth[:, 0]
    bx, by, bd = x[:, 2] - x[:, 0], y[:, 2] - y[:, 0], depth[:, 2] - depth[:, 0]
    area = ax * by - bx * ay
    return (ad * by - bd * ay) / area, (bd * ax - ad * bx) / area


def _write(keys: NDArray[np.uint64], rows: _Spans, piece: slice, chosen: Indices, width: int) -> None:
    span, step = _unroll(rows.length[piece])
    base = (rows.row[piece] * width + rows.start[piece])[span]
    pixel = base + step
    depth = rows.depth[piece].astype(np.float32)[span] + rows.slope[piece].astype(np.float32)[span] * step.astype(
        np.float32
    )
    bits = np.clip(depth, np.float32(1), np.float32(2)).view(np.uint32).astype(np.uint64)
    key = (bits << np.uint64(32)) | (chosen[rows.owner[piece]] + 1).astype(np.uint64)[span]
    nearer = np.flatnonzero(key > keys[pixel])
    np.maximum.at(keys, pixel[nearer], key[nearer])


def _least(corners: Floats) -> Floats:
    """Give the least of three columns; numpy's own way along a short axis takes ten times as long."""
    return np.minimum(np.minimum(corners[:, 0], corners[:, 1]), corners[:, 2])


def _most(corners: Floats) -> Floats:
    return np.maximum(np.maximum(corners[:, 0], corners[:, 1]), corners[:, 2])


def _unroll(counts: Indices) -> tuple[Indices, Indices]:
    """For counts (2, 3) give the owners (0, 0, 1, 1, 1) and the steps (0, 1, 0, 1, 2)."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def _batches(costs: Indices) -> Iterator[slice]:
    """Cut a list into slices that cost about BATCH each, so that memory stays bounded."""
    if not len(costs):
        return
    group = np.cumsum(costs) // BATCH
    cuts = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(costs)]
    for begin, end in pairwise(cuts):
        yield slice(begin, end)
