from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("trimesh")
pytest.importorskip("fast_simplification")

import trimesh
from PIL import Image

from pixyz_scheduler.engine.open.decimate import by_ratio, decimate
from pixyz_scheduler.engine.open.engine import OpenEngine
from pixyz_scheduler.engine.open.scene import METRES_Y_UP, Facts, Scene

SAMPLES = Path(__file__).parents[2] / "samples"


def ball(radius=1.0, subdivisions=4, at=(0, 0, 0)):
    return trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius).apply_translation(at)


def scene_of(tree, **values):
    return Scene(Path("made.glb"), "glb", METRES_Y_UP, built=tree, **values)


@pytest.fixture
def three_balls():
    """A large one, and a small one drawn twice, under a turned group."""
    tree = trimesh.Scene()
    turn = trimesh.transformations.rotation_matrix(0.5, [0, 0, 1])
    tree.graph.update("group", frame_from="world", matrix=turn)
    large = ball()
    large.visual = trimesh.visual.TextureVisuals(
        material=trimesh.visual.material.PBRMaterial(name="paint", baseColorFactor=[1.0, 0, 0, 1])
    )
    tree.add_geometry(large, node_name="large", geom_name="large mesh", parent_node_name="group")
    tree.add_geometry(ball(0.1), node_name="small 1", geom_name="small mesh", parent_node_name="group")
    move = trimesh.transformations.translation_matrix([0, 2, 0])
    tree.graph.update("small 2", frame_from="group", matrix=move, geometry="small mesh")
    return scene_of(tree)


def test_the_scene_has_at_most_the_triangles_asked_for(three_balls):
    assert three_balls.triangle_count == 3 * 5120
    for triangles in (10_000, 3000, 500):
        lighter = decimate(three_balls, triangles=triangles)
        assert 0.9 * triangles < lighter.triangle_count <= triangles
        assert lighter.warnings == ()


def test_names_places_and_materials_stay(three_balls):
    lighter = decimate(three_balls, triangles=3000)
    before = {part.name: part for part in three_balls.parts()}
    after = {part.name: part for part in lighter.parts()}
    assert set(after) == {"large", "small 1", "small 2"}
    for name, part in after.items():
        assert part.mesh_name == before[name].mesh_name
        assert part.matrix == pytest.approx(before[name].matrix)
    assert after["large"].mesh.visual.material.name == "paint"
    assert after["small 1"].mesh is after["small 2"].mesh
    assert set(lighter.tree.graph.nodes) == set(three_balls.tree.graph.nodes)


def test_the_scene_given_is_not_changed(three_balls):
    before = {name: len(mesh.faces) for name, mesh in three_balls.tree.geometry.items()}
    decimate(three_balls, triangles=300)
    assert {name: len(mesh.faces) for name, mesh in three_balls.tree.geometry.items()} == before


def test_a_small_ball_keeps_its_shape(three_balls):
    small = next(part.mesh for part in decimate(three_balls, triangles=1500).parts() if part.name == "small 1")
    assert len(small.faces) > 200
    assert np.linalg.norm(small.vertices, axis=1) == pytest.approx(0.1, rel=0.03)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_the_result_does_not_depend_on_the_unit(scale):
    mesh = ball(scale, at=(3 * scale, 0, 0))
    lighter = decimate(scene_of(trimesh.Scene(mesh)), triangles=600)
    (part,) = lighter.parts()
    assert 550 < len(part.mesh.faces) <= 600
    assert np.linalg.norm(part.mesh.vertices - [3 * scale, 0, 0], axis=1) == pytest.approx(scale, rel=0.03)


def test_a_scene_with_few_triangles_comes_back_as_it_is(three_balls):
    assert decimate(three_balls, triangles=10**6) is three_balls
    assert by_ratio(three_balls, ratio=1) is three_balls


def test_a_ratio_is_a_share_of_the_triangles(three_balls):
    assert by_ratio(three_balls, ratio=0.25).triangle_count == pytest.approx(0.25 * 3 * 5120, rel=0.05)


@pytest.mark.parametrize("ratio", [0, -1, 1.5, float("nan")])
def test_a_ratio_that_is_none_is_refused(three_balls, ratio):
    with pytest.raises(ValueError, match="ratio must be over 0 and at most 1"):
        by_ratio(three_balls, ratio=ratio)


def test_no_triangles_at_all_are_refused(three_balls):
    with pytest.raises(ValueError, match="triangles must be at least 1, not 0"):
        decimate(three_balls, triangles=0)


def test_where_there_is_too_little_for_all_the_smallest_are_left_out_and_it_is_said():
    tree = trimesh.Scene()
    for number in range(40):
        tree.add_geometry(ball(1 + number, 2, at=(100 * number, 0, 0)), node_name=f"ball {number}")
    lighter = decimate(scene_of(tree), triangles=60)
    assert lighter.triangle_count <= 60
    assert "ball 39" in {part.name for part in lighter.parts()}
    assert "smallest meshes are left out: 60 triangles are too few for all" in lighter.warnings[0]


def test_meshes_of_the_same_content_are_simplified_once():
    tree = trimesh.Scene()
    material = trimesh.visual.material.PBRMaterial(baseColorFactor=[1.0, 0, 0, 1])
    for number, colour in enumerate((material, material, trimesh.visual.material.PBRMaterial(name="other"))):
        mesh = ball()
        mesh.visual = trimesh.visual.TextureVisuals(material=colour)
        tree.add_geometry(mesh, geom_name=f"ball {number}")
    one, two, other = decimate(scene_of(tree), triangles=3000).parts()
    assert one.mesh is two.mesh
    assert one.mesh is not other.mesh
    assert other.mesh.visual.material.name == "other"


def textured_ball():
    mesh = ball()
    uv = np.column_stack([np.arctan2(mesh.vertices[:, 1], mesh.vertices[:, 0]) / 6.3, mesh.vertices[:, 2] / 2 + 0.5])
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.new("RGB", (4, 4), "red"))
    mesh.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    return mesh


def test_a_textured_mesh_keeps_its_picture_and_the_smear_is_warned_of():
    lighter = decimate(scene_of(trimesh.Scene(textured_ball())), triangles=800)
    (part,) = lighter.parts()
    assert len(part.mesh.faces) <= 800
    assert part.mesh.visual.uv.shape == (len(part.mesh.vertices), 2)
    assert part.mesh.visual.uv[:, 1] == pytest.approx(part.mesh.vertices[:, 2] / 2 + 0.5, abs=0.1)
    assert "textures may be smeared on 1 decimated meshes" in lighter.warnings[0]


@pytest.mark.parametrize("kind", ["vertex_colors", "face_colors"])
def test_colours_of_points_and_triangles_are_carried_over(kind):
    mesh = ball()
    where = mesh.vertices if kind == "vertex_colors" else mesh.triangles_center
    setattr(mesh.visual, kind, np.where(where[:, :1] > 0, [[255, 0, 0, 255]], [[0, 0, 255, 255]]))
    (part,) = decimate(scene_of(trimesh.Scene(mesh)), triangles=800).parts()
    where = part.mesh.vertices if kind == "vertex_colors" else part.mesh.triangles_center
    colours = getattr(part.mesh.visual, kind)
    assert (colours[where[:, 0] > 0.2] == [255, 0, 0, 255]).all()
    assert (colours[where[:, 0] < -0.2] == [0, 0, 255, 255]).all()


def test_animations_given_up_are_warned_of():
    scene = scene_of(trimesh.Scene(ball()), facts=Facts(animations=2))
    assert "2 animations lost" in decimate(scene, triangles=100).warnings[0]


def test_the_gear_box_survives_at_half_its_triangles(tmp_path):
    engine = OpenEngine(parallel=False)
    scene = engine.open(SAMPLES / "gearbox.glb")
    lighter = decimate(scene, triangles=scene.triangle_count // 2)
    assert {part.name for part in lighter.parts()} == {part.name for part in scene.parts()}
    engine.convert(lighter, tmp_path / "half.glb")
    again = engine.open(tmp_path / "half.glb")
    assert again.triangle_count == lighter.triangle_count <= scene.triangle_count // 2
    assert again.tree.bounds == pytest.approx(scene.tree.bounds, abs=0.004)
