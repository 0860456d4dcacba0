from dataclasses import replace

import numpy as np
import pytest

from pixyz_scheduler.engine.open import shading
from pixyz_scheduler.engine.open.camera import ISO, View, named_views
from pixyz_scheduler.engine.open.creases import corner_normals
from pixyz_scheduler.engine.open.softraster import Picture, draw
from pixyz_scheduler.engine.open.surface import Surface, Texture

CORNERS = np.array([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])
BOX_FACES = np.array(
    [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ]
)  # fmt: skip
FRONT = View((0.0, 0.0, -1.0))


def box(colour, *, clear=False):
    return Surface(
        points=CORNERS,
        faces=BOX_FACES,
        normals=corner_normals(CORNERS, BOX_FACES),
        colours=np.tile(np.array(colour, dtype=np.float32), (12, 1)),
        parts=np.zeros(12, dtype=np.int64),
        clear=np.full(12, clear),
    )


def square(**values):
    points = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    surface = Surface(
        points=points,
        faces=faces,
        normals=corner_normals(points, faces),
        colours=np.ones((2, 4), dtype=np.float32),
        parts=np.zeros(2, dtype=np.int64),
        clear=np.zeros(2, dtype=bool),
    )
    return replace(surface, **values)


@pytest.mark.parametrize("view", named_views(z_up=True).values())
def test_a_red_box_is_red_and_stands_before_nothing(view):
    picture = draw(box((1, 0, 0, 1)), view, Picture(80, 60))
    assert picture.shape == (60, 80, 4)
    assert picture.dtype == np.uint8
    solid = picture[picture[:, :, 3] == 255]
    assert len(solid) > 1000
    red, green, blue = solid[:, :3].mean(axis=0)
    assert red > 120
    assert green < red / 3
    assert blue < red / 3
    assert (picture[0] == 0).all()


def test_a_box_seen_from_the_front_fills_the_picture_but_for_its_margin():
    alpha = draw(box((1, 1, 1, 1)), FRONT, Picture(100, 100))[:, :, 3]
    covered = np.flatnonzero((alpha == 255).all(axis=0) | (alpha.max(axis=0) == 255))
    assert covered.min() == 4
    assert covered.max() == 95
    assert (alpha[4:96, 4:96] == 255).all()


def test_a_white_background_is_white_and_leaves_nothing_clear():
    picture = draw(box((0, 0, 1, 1)), ISO, Picture(64, 64, background=(1.0, 1.0, 1.0)))
    assert (picture[:, :, 3] == 255).all()
    assert (picture[0, 0] == 255).all()


def test_edges_are_smooth():
    alpha = draw(box((1, 1, 1, 1)), ISO, Picture(64, 64))[:, :, 3]
    assert ((alpha > 0) & (alpha < 255)).sum() > 30


def test_the_three_visible_faces_of_a_box_differ_in_brightness():
    picture = draw(box((0.5, 0.5, 0.5, 1)), ISO, Picture(128, 128, supersampling=1))
    levels, counts = np.unique(picture[picture[:, :, 3] == 255][:, 0] // 4, return_counts=True)
    assert (counts > 400).sum() >= 3, dict(zip(levels, counts, strict=True))


@pytest.mark.parametrize("turned", [False, True], ids=["front", "back"])
def test_a_face_is_lit_whichever_way_it_is_wound(turned):
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    surface = square(faces=faces[:, ::-1] if turned else faces)
    surface = replace(surface, normals=corner_normals(surface.points, surface.faces))
    assert draw(surface, FRONT, Picture(20, 20))[10, 10, 0] > 200


def test_a_texture_lies_the_right_way_up_and_keeps_its_colours():
    image = np.zeros((2, 2, 4), dtype=np.float32)
    image[:, :, 3] = 1
    image[0, 0, 0] = image[0, 1, 1] = image[1, 0, 2] = 1  # red green over blue black
    surface = square(uvs=np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float32), textures=(Texture(0, 2, image),))
    picture = draw(surface, FRONT, Picture(40, 40))
    assert picture[12, 12].argmax() == 0 or picture[12, 12, :3].argmax() == 0
    assert picture[12, 12, :3].argmax() == 0
    assert picture[12, 28, :3].argmax() == 1
    assert picture[28, 12, :3].argmax() == 2
    assert picture[28, 28, :3].max() < 90


def test_colours_of_vertices_run_into_each_other():
    tints = np.array([[1, 0, 0, 1], [0, 0, 1, 1], [0, 0, 1, 1], [1, 0, 0, 1]], dtype=np.float32)
    picture = draw(square(tints=tints), FRONT, Picture(60, 60))
    assert picture[30, 6, 0] > picture[30, 30, 0] > picture[30, 54, 0]
    assert picture[30, 6, 2] < picture[30, 30, 2] < picture[30, 54, 2]


def test_what_stands_behind_glass_is_seen_through_it():
    glass, ball = box((1, 1, 1, 0.3), clear=True), box((1, 0, 0, 1))
    both = Surface(
        points=np.concatenate([glass.points, ball.points * 0.4 + 0.3]),
        faces=np.concatenate([glass.faces, ball.faces + 8]),
        normals=np.concatenate([glass.normals, ball.normals]),
        colours=np.concatenate([glass.colours, ball.colours]),
        parts=np.repeat([0, 1], 12),
        clear=np.concatenate([glass.clear, ball.clear]),
    )
    picture = draw(both, FRONT, Picture(100, 100))
    red, green, _, alpha = picture[50, 50].astype(int)
    assert alpha == 255
    assert red > green + 60
    assert 60 < picture[15, 15, 3] < 200


def test_a_line_is_drawn_between_two_parts_and_none_within_one():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [2, 1, 0], [1, 1, 0], [0, 1, 0]])
    faces = np.array([[0, 1, 4], [0, 4, 5], [1, 2, 3], [1, 3, 4]])
    one = Surface(
        points=points,
        faces=faces,
        normals=corner_normals(points, faces),
        colours=np.full((4, 4), (0.5, 0.5, 0.5, 1), dtype=np.float32),
        parts=np.zeros(4, dtype=np.int64),
        clear=np.zeros(4, dtype=bool),
    )
    two = replace(one, parts=np.array([0, 0, 1, 1]))
    row_of_one, row_of_two = (draw(surface, FRONT, Picture(100, 50))[25, 40:60, 0] for surface in (one, two))
    assert np.ptp(row_of_one) <= 1
    assert row_of_two.min() < row_of_one.min() - 20


def test_normals_that_are_no_numbers_are_replaced_by_flat_ones():
    picture = draw(square(normals=np.full((2, 3, 3), np.nan, dtype=np.float32)), FRONT, Picture(20, 20))
    assert picture[10, 10, 0] > 200


def test_a_picture_too_large_to_be_supersampled_is_drawn_all_the_same(monkeypatch):
    monkeypatch.setattr("pixyz_scheduler.engine.open.softraster.MOST_SAMPLES", 1000)
    assert draw(box((1, 0, 0, 1)), ISO, Picture(40, 40)).shape == (40, 40, 4)


def test_a_picture_drawn_in_bands_is_the_same(monkeypatch):
    surface = box((0.2, 0.5, 0.9, 1))
    whole = draw(surface, ISO, Picture(90, 70))
    monkeypatch.setattr("pixyz_scheduler.engine.open.softraster.BAND_SAMPLES", 4 * 90 * 9)
    assert (draw(surface, ISO, Picture(90, 70)) == whole).all()


def test_encoding_undoes_decoding():
    values = np.linspace(0, 1, 256, dtype=np.float32)
    assert shading.encode(shading.decode(values)) == pytest.approx(values, abs=2e-6)


def test_corners_darken_a_hollow_and_no_tilted_plane():
    tilted = np.tile(np.arange(60, dtype=np.float32) * 0.05, (60, 1)) + 10
    hollow = np.full((60, 60), 10, dtype=np.float32)
    hollow[:, 28:32] = 10.4
    assert shading.corners(tilted, reach=1.0, samples=6)[10:50, 10:50].max() == 0
    assert shading.corners(hollow, reach=1.0, samples=6)[30, 30] > 0.2
