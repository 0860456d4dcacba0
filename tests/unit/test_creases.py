import numpy as np
import pytest

from pixyz_scheduler.engine.open.creases import corner_normals, merged, split

# a roof of two slopes: the same four triangles, at a gentle or a steep angle


def roof(height):
    points = np.array([[0, 0, 0], [1, 0, height], [2, 0, 0], [0, 1, 0], [1, 1, height], [2, 1, 0]], dtype=float)
    return points, np.array([[0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4]])


def test_a_gentle_bend_is_smooth():
    points, faces = roof(0.1)
    normals = corner_normals(points, faces)
    assert normals[0, 1] == pytest.approx(normals[2, 0])
    assert np.abs(normals[0, 1, 0]) < 0.05


def test_a_steep_bend_is_a_crease():
    points, faces = roof(1.0)
    normals = corner_normals(points, faces)
    assert (normals[0] == normals[0, 0]).all()
    assert normals[0, 1, 0] == pytest.approx(-(0.5**0.5), abs=1e-5)
    assert normals[2, 0, 0] == pytest.approx(0.5**0.5, abs=1e-5)


@pytest.mark.parametrize(("height", "count"), [(0.1, 6), (1.0, 8)], ids=["smooth", "creased"])
def test_points_are_doubled_only_along_a_crease(height, count):
    points, faces, normals = split(*roof(height))
    assert len(points) == len(normals) == count
    assert points[faces].reshape(-1, 3) == pytest.approx(roof(height)[0][roof(height)[1]].reshape(-1, 3))


def test_points_of_one_place_are_one_whatever_the_sign_of_zero():
    assert len(set(merged(np.array([[0.0, 1, 2], [-0.0, 1, 2], [0, 1, 2.5]])))) == 2


def test_a_triangle_without_area_has_normals_of_zero_and_no_warning():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
    assert (corner_normals(points, np.array([[0, 1, 2]])) == 0).all()


def test_split_points_have_normals_of_length_one_even_where_there_is_no_area():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0]])
    *_, normals = split(points, np.array([[0, 1, 2], [0, 1, 3]]))
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1)


def test_no_triangles_have_no_normals():
    assert corner_normals(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)).shape == (0, 3, 3)
