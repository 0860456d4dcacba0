import numpy as np
import pytest

from pixyz_scheduler.engine.open.clusters import clustered


def rod(segments, length=100.0):
    """A closed rod of very thin triangles: two circles of radius 1, and the middles of its ends."""
    angle = np.arange(segments) * 2 * np.pi / segments
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    points = np.concatenate(
        [np.column_stack([circle, np.full(segments, z)]) for z in (0, length)] + [[[0, 0, 0], [0, 0, length]]]
    )
    here, there = np.arange(segments), np.roll(np.arange(segments), -1)
    side = [
        np.column_stack([here, there, here + segments]),
        np.column_stack([there, there + segments, here + segments]),
    ]
    ends = [
        np.column_stack([there, here, np.full(segments, 2 * segments)]),
        np.column_stack([here + segments, there + segments, np.full(segments, 2 * segments + 1)]),
    ]
    return points, np.concatenate(side + ends)


@pytest.mark.parametrize("triangles", [200, 100, 40])
def test_a_rod_of_thin_triangles_gets_to_the_number_asked_for_and_stays_a_rod(triangles):
    points, faces = rod(100)
    kept, joined = clustered(points, faces, triangles)
    assert 0.3 * triangles < len(joined) <= triangles
    low, high = points[kept].min(axis=0), points[kept].max(axis=0)
    assert low == pytest.approx([-1, -1, 0], abs=0.3)
    assert high == pytest.approx([1, 1, 100], abs=0.3)
    assert joined.max() == len(kept) - 1


def test_something_is_left_however_few_are_asked_for():
    _, joined = clustered(*rod(60), 1)
    assert len(joined) >= 1


def test_the_corners_of_a_box_stay_where_they_are():
    grid = np.linspace(0, 1, 11)
    points = np.array([[x, y, 0] for x in grid for y in grid])
    points = np.concatenate([points, [[0, 0, -1], [1, 0, -1], [1, 1, -1], [0, 1, -1]]])
    cell = np.array([[0, 11, 12], [0, 12, 1]])
    top = np.concatenate([cell + 11 * row + column for row in range(10) for column in range(10)])
    walls = np.array([[0, 121, 122], [0, 122, 110], [110, 122, 123], [110, 123, 120], [120, 123, 124], [120, 124, 10]])
    kept, _ = clustered(points, np.concatenate([top, walls]), 60)
    assert {0, 10, 110, 120} <= set(kept.tolist())
