import numpy as np
import pytest

from pixyz_scheduler.engine.open.camera import ISO, View, frame, named_views

BOX = np.array([[x, y, z] for x in (-1.0, 3.0) for y in (0.0, 2.0) for z in (5.0, 6.0)])
CLOUD = np.random.default_rng(7).normal(size=(500, 3)) * (5, 1, 2) + (100, -40, 3)


@pytest.mark.parametrize("points", [BOX, CLOUD], ids=["box", "cloud"])
@pytest.mark.parametrize("view", [*named_views(z_up=True).values(), View((0.3, -0.8, 0.2), field_of_view=70.0)])
@pytest.mark.parametrize(("width", "height"), [(512, 512), (640, 200), (90, 400)])
def test_a_model_touches_the_margin_on_one_pair_of_sides_and_is_centred_on_both(points, view, width, height):
    camera = frame(points, view, aspect=width / height, margin=0.05)
    seen = camera.project(points, width=width, height=height)
    across = (seen.x + 0.5) / width
    along = (seen.y + 0.5) / height
    assert across.min() + across.max() == pytest.approx(1, abs=1e-6)
    assert along.min() + along.max() == pytest.approx(1, abs=1e-6)
    assert min(across.min(), along.min()) == pytest.approx(0.05, abs=1e-6)


def test_depth_runs_from_one_at_the_back_to_two_at_the_front():
    seen = frame(CLOUD, ISO, aspect=1).project(CLOUD, width=100, height=100)
    assert seen.depth.min() == pytest.approx(1)
    assert seen.depth.max() == pytest.approx(2)
    assert seen.depth.argmax() == seen.distance.argmin()
    assert (seen.distance > 0).all()


@pytest.mark.parametrize(
    ("z_up", "axis", "right", "up"),
    [
        (True, "x", (0, 0, -1), (0, 1, 0)),
        (True, "y", (1, 0, 0), (0, 1, 0)),
        (True, "z", (1, 0, 0), (0, 0, -1)),
        (False, "x", (0, 0, -1), (0, 1, 0)),
        (False, "y", (1, 0, 0), (0, 0, -1)),
        (False, "z", (1, 0, 0), (0, 1, 0)),
    ],
)
def test_a_view_along_an_axis_shows_the_right_side_up(z_up, axis, right, up):
    camera = frame(BOX, named_views(z_up=z_up)[axis], aspect=1)
    assert camera.right == pytest.approx(np.array(right, dtype=float))
    assert camera.up == pytest.approx(np.array(up, dtype=float))


@pytest.mark.parametrize("view", [ISO, View((0, 0, -1))])
def test_a_single_point_is_framed_without_dividing_by_zero(view):
    seen = frame(np.zeros((1, 3)), view, aspect=1).project(np.zeros((1, 3)), width=10, height=10)
    assert seen.x[0] == pytest.approx(4.5)
    assert seen.y[0] == pytest.approx(4.5)
