import numpy as np
import pytest

from pixyz_scheduler.engine.open import zbuffer
from pixyz_scheduler.engine.open.camera import Projected


def projected(points):
    x, y, depth = np.asarray(points, dtype=np.float64).T
    ones = np.ones(len(x))
    return Projected(x=x, y=y, depth=depth, nearness=ones, distance=ones)


def filled(points, faces, width, height):
    faces = np.asarray(faces, dtype=np.int64)
    return zbuffer.fill(projected(points), faces, np.arange(len(faces)), width=width, height=height)


def test_a_known_triangle_covers_the_samples_inside_it_and_no_other():
    buffer = filled([(0.5, 0.5, 1.5), (4.5, 0.5, 1.5), (0.5, 4.5, 1.5)], [(0, 1, 2)], 6, 6)
    assert (buffer.triangle.reshape(6, 6) + 1).tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 1, 1, 0, 0, 0],
        [0, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)], ids=["front", "back"])
def test_both_windings_cover_the_same(order):
    # Pick's theorem: area 34.5 and three whole points on the edge leave 34 inside
    assert (filled([(0, 0, 1.5), (9, 1, 1.5), (3, 8, 1.5)], [order], 10, 10).triangle >= 0).sum() == 37


def test_random_triangles_agree_with_testing_each_sample_of_each_triangle():
    random = np.random.default_rng(3)
    points = np.column_stack([random.uniform(-8, 40, (90, 2)), random.uniform(1, 2, 90)])
    faces = np.arange(90).reshape(30, 3)
    buffer = filled(points, faces, 32, 24)
    rows, columns = np.mgrid[0:24, 0:32]
    best, depth = np.full((24, 32), -1), np.zeros((24, 32))
    for index, face in enumerate(faces):
        (ax, ay, ad), (bx, by, bd), (cx, cy, cd) = points[face]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        one = ((bx - columns) * (cy - rows) - (cx - columns) * (by - rows)) / area
        two = ((cx - columns) * (ay - rows) - (ax - columns) * (cy - rows)) / area
        inside = (one >= 0) & (two >= 0) & (one + two <= 1)
        here = one * ad + two * bd + (1 - one - two) * cd
        nearer = inside & (here > depth)
        best[nearer], depth[nearer] = index, here[nearer]
    assert (buffer.triangle.reshape(24, 32) == best).all()
    assert buffer.depth.reshape(24, 32) == pytest.approx(depth, abs=1e-5)


def test_two_triangles_that_share_an_edge_leave_no_seam():
    points = [(0, 0, 1.5), (31, 3, 1.5), (29, 30, 1.5), (2, 28, 1.5)]
    whole = filled(points, [(0, 1, 2), (0, 2, 3)], 32, 32).triangle.reshape(32, 32)
    for row in whole:
        covered = np.flatnonzero(row >= 0)
        assert len(covered) == 0 or (np.diff(covered) == 1).all()


def test_work_cut_into_small_batches_gives_the_same(monkeypatch):
    random = np.random.default_rng(5)
    points = np.column_stack([random.uniform(0, 60, (60, 2)), random.uniform(1, 2, 60)])
    faces = np.arange(60).reshape(20, 3)
    once = filled(points, faces, 64, 64)
    monkeypatch.setattr(zbuffer, "BATCH", 50)
    again = filled(points, faces, 64, 64)
    assert (once.triangle == again.triangle).all()
    assert (once.depth == again.depth).all()


@pytest.mark.parametrize(
    "points",
    [
        [(3, 3, 1.5), (3, 3, 1.5), (3, 3, 1.5)],
        [(1, 1, 1.5), (5, 5, 1.5), (3, 3, 1.5)],
        [(-9, -9, 1.5), (-5, -9, 1.5), (-9, -5, 1.5)],
        [(50, 0, 1.5), (60, 0, 1.5), (50, 9, 1.5)],
    ],
    ids=["a point", "a line", "beside it on the left", "beside it on the right"],
)
def test_what_covers_no_sample_is_left_out(points):
    assert (filled(points, [(0, 1, 2)], 8, 8).triangle == -1).all()


def test_a_nearer_buffer_goes_before_another():
    near = filled([(0, 0, 1.9), (7, 0, 1.9), (0, 7, 1.9)], [(0, 1, 2)], 8, 8)
    far = filled([(0, 0, 1.2), (7, 0, 1.2), (7, 7, 1.2)], [(0, 1, 2)], 8, 8)
    assert (near.before(far).triangle == near.triangle).all()
    overlap = (near.triangle >= 0) & (far.triangle >= 0)
    assert overlap.sum() == 20
    assert ((far.before(near).triangle >= 0) == (far.triangle >= 0) & ~overlap).all()
