import json
import struct
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numpy")
pytest.importorskip("trimesh")
pytest.importorskip("PIL")

import trimesh
from PIL import Image

from pixyz_scheduler.engine.base import ThumbnailOptions
from pixyz_scheduler.engine.open.engine import OpenEngine
from pixyz_scheduler.engine.open.scene import METRES_Y_UP, MILLIMETRES_Z_UP, Scene
from pixyz_scheduler.engine.open.surface import flatten
from pixyz_scheduler.engine.open.thumbnails import draw
from pixyz_scheduler.errors import EmptyScene, EngineError, EngineMissing

SAMPLES = Path(__file__).parents[2] / "samples"
COLOURS = {"top": (0, 1, 0), "front": (1, 0, 0), "right": (0, 0, 1)}


def scene_of(*meshes, frame=METRES_Y_UP, file_format="glb"):
    tree = trimesh.Scene()
    for number, mesh in enumerate(meshes):
        tree.add_geometry(mesh, node_name=f"part {number}", geom_name=f"mesh {number}")
    return Scene(Path("made.glb"), file_format, frame, built=tree)


def painted_box(extents=(1, 1, 1)):
    """In the scene's axes: green on top (+Y), red in front (+Z), blue at the right (+X), black elsewhere."""
    box = trimesh.creation.box(extents)
    box.visual.face_colors = np.tile([0, 0, 0, 255], (12, 1))
    for face, normal in enumerate(box.face_normals):
        for name, axis in (("right", 0), ("top", 1), ("front", 2)):
            if normal[axis] > 0.5:
                box.visual.face_colors[face] = [*(255 * value for value in COLOURS[name]), 255]
    return box


def soft(**values):
    return ThumbnailOptions(renderer="soft", **values)


def middle_colour(path):
    picture = np.asarray(Image.open(path).convert("RGB"))
    height, width = picture.shape[:2]
    return int(picture[height // 2, width // 2].argmax())


@pytest.mark.parametrize(
    ("frame", "seen"),
    [
        (MILLIMETRES_Z_UP, {"x": "right", "y": "front", "z": "top"}),
        (METRES_Y_UP, {"x": "right", "y": "top", "z": "front"}),
    ],
    ids=["Z up", "Y up"],
)
def test_each_view_looks_along_its_axis_of_the_file(tmp_path, frame, seen):
    draw(scene_of(painted_box(), frame=frame), tmp_path, soft(width=64, height=64, preview_triangles=None))
    for view, side in seen.items():
        assert middle_colour(tmp_path / f"{view}.png") == COLOURS[side].index(1), view


def test_pictures_have_the_size_asked_for_and_fit_the_model_tightly(tmp_path):
    drawn = draw(scene_of(painted_box((4, 1, 1))), tmp_path, soft(width=200, height=80, preview_triangles=None))
    assert (drawn.width, drawn.height, drawn.renderer, drawn.preview) == (200, 80, "soft", None)
    for name in drawn.pictures.values():
        picture = Image.open(tmp_path / name)
        assert picture.size == (200, 80)
        left, top, right, bottom = picture.getchannel("A").getbbox()
        assert min(left, top) == pytest.approx(min(200 - right, 80 - bottom), abs=1)
        assert min(left / 200, top / 80) < 0.06


def test_only_the_views_asked_for_are_drawn(tmp_path):
    drawn = draw(scene_of(painted_box()), tmp_path, soft(width=32, height=32, views=("z", "iso")))
    assert drawn.pictures == {"z": "z.png", "iso": "iso.png"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["iso.png", "preview.glb", "z.png"]


def test_a_white_background_has_no_alpha(tmp_path):
    draw(scene_of(painted_box()), tmp_path, soft(width=32, height=32, background="white"))
    picture = Image.open(tmp_path / "iso.png")
    assert picture.mode == "RGB"
    assert picture.getpixel((0, 0)) == (255, 255, 255)


def test_the_preview_is_a_glb_with_no_more_triangles_than_asked(tmp_path):
    ball = trimesh.creation.icosphere(subdivisions=5)
    drawn = draw(scene_of(ball), tmp_path, soft(width=16, height=16, preview_triangles=3000))
    data = (tmp_path / "preview.glb").read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    indices = [
        document["accessors"][primitive["indices"]]["count"]
        for mesh in document["meshes"]
        for primitive in mesh["primitives"]
    ]
    assert sum(indices) // 3 == drawn.preview_triangles
    assert 2500 < drawn.preview_triangles <= 3000


def test_f3d_where_it_cannot_draw_is_told_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("pixyz_scheduler.engine.open.gl.usable", lambda: False)
    with pytest.raises(EngineMissing, match=r"f3d cannot draw here.*pip install"):
        draw(scene_of(painted_box()), tmp_path, ThumbnailOptions(renderer="f3d"))


def test_f3d_that_fails_is_stood_in_for_unless_it_was_asked_for(tmp_path, monkeypatch):
    """f3d runs in a process of its own; here that process fails at once, because it is no Python."""
    monkeypatch.setattr("pixyz_scheduler.engine.open.gl.usable", lambda: True)
    monkeypatch.setattr("sys.executable", "/bin/false")
    drawn = draw(scene_of(painted_box()), tmp_path, ThumbnailOptions(width=32, height=32))
    assert drawn.renderer == "soft"
    assert "drawn without the graphics card: f3d could not draw scene.glb (exit status 1)" in drawn.warnings[0]
    assert (tmp_path / "iso.png").is_file()
    with pytest.raises(EngineError, match="f3d could not draw"):
        draw(scene_of(painted_box()), tmp_path / "other", ThumbnailOptions(renderer="f3d"))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_scene_of_points_that_are_nowhere_is_empty(value):
    mesh = trimesh.Trimesh([[value] * 3, [0, 0, 0], [1, 0, 0]], [[0, 1, 2]], process=False)
    with pytest.raises(EmptyScene, match=r"made.glb holds no triangle that can be drawn"):
        flatten(scene_of(mesh))


def test_one_point_that_is_nowhere_costs_its_triangles_and_no_more():
    mesh = trimesh.creation.box()
    mesh.vertices = np.concatenate([mesh.vertices, [[1e300] * 3]])
    mesh.faces = np.concatenate([mesh.faces, [[0, 1, 8]]])
    surface = flatten(scene_of(mesh))
    assert len(surface.faces) == 12
    assert np.abs(surface.points).max() == pytest.approx(0.5)


def test_a_triangle_without_area_gives_an_empty_picture(tmp_path):
    line = trimesh.Trimesh([[0, 0, 0], [1, 1, 1], [2, 2, 2]], [[0, 1, 2]], process=False)
    draw(scene_of(line), tmp_path, soft(width=16, height=16, preview_triangles=None))
    assert Image.open(tmp_path / "iso.png").getchannel("A").getextrema() == (0, 0)


def test_a_part_flattened_to_a_sheet_is_drawn(tmp_path):
    tree = trimesh.Scene()
    tree.add_geometry(trimesh.creation.box(), transform=np.diag([1.0, 1.0, 0.0, 1.0]))
    scene = Scene(Path("flat.glb"), "glb", METRES_Y_UP, built=tree)
    draw(scene, tmp_path, soft(width=32, height=32, preview_triangles=None))
    assert Image.open(tmp_path / "z.png").getpixel((16, 16))[3] == 255


def test_instances_are_parts_of_their_own_and_share_their_mesh():
    box = trimesh.creation.box()
    tree = trimesh.Scene()
    tree.add_geometry(box, node_name="a", geom_name="box")
    tree.graph.update("b", geometry="box", matrix=trimesh.transformations.translation_matrix([3, 0, 0]))
    surface = flatten(Scene(Path("two.glb"), "glb", METRES_Y_UP, built=tree))
    assert sorted(set(surface.parts.tolist())) == [0, 1]
    assert surface.points[:, 0].max() == pytest.approx(3.5)
    assert len(surface.faces) == 24


def test_a_mirrored_part_keeps_its_normals_outside():
    tree = trimesh.Scene()
    tree.add_geometry(trimesh.creation.box(), transform=np.diag([-1.0, 1.0, 1.0, 1.0]))
    surface = flatten(Scene(Path("mirror.glb"), "glb", METRES_Y_UP, built=tree))
    outward = surface.points[surface.faces].mean(axis=1)
    assert ((surface.normals.mean(axis=1) * outward).sum(axis=1) > 0).all()


def test_colours_are_linear_whatever_the_format_says():
    box = trimesh.creation.box()
    box.visual.vertex_colors = np.tile([188, 188, 188, 255], (8, 1))
    stored = flatten(scene_of(box, file_format="ply")).tints
    assert stored[:, 0] == pytest.approx(0.503, abs=0.003)
    assert flatten(scene_of(box, file_format="glb")).tints[:, 0] == pytest.approx(188 / 255, abs=0.001)


def test_a_texture_is_reduced_to_what_a_picture_needs():
    square = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0]], [[0, 1, 2]], process=False)
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.new("RGB", (1000, 600), "red"))
    square.visual = trimesh.visual.TextureVisuals(uv=[[0, 0], [1, 0], [1, 1]], material=material)
    (texture,) = flatten(scene_of(square), texture_size=256).textures
    assert texture.image.shape == (150, 250, 4)
    assert texture.image[0, 0] == pytest.approx([1, 0, 0, 1])


@pytest.mark.parametrize("name", ["gearbox.step", "gearbox.glb", "box.step", "box.stl", "box.glb"])
def test_each_sample_is_drawn(tmp_path, name):
    if name.endswith(".step"):
        pytest.importorskip("OCP.TDocStd", exc_type=ImportError)
    engine = OpenEngine(parallel=False)
    drawn = engine.thumbnails(SAMPLES / name, tmp_path, soft(width=96, height=96))
    assert sorted(drawn.pictures) == ["iso", "x", "y", "z"]
    assert 0 < drawn.preview_triangles < 500_000
    for picture in drawn.pictures.values():
        alpha = np.asarray(Image.open(tmp_path / picture).getchannel("A"))
        assert (alpha > 0).mean() > 0.1


def test_the_box_stands_in_cad_axes(tmp_path):
    """10 x 20 x 30 mm: seen from the right 20 x 30, from the front 10 x 30, from the top 10 x 20 with a hole."""
    pytest.importorskip("OCP.TDocStd", exc_type=ImportError)
    OpenEngine(parallel=False).thumbnails(SAMPLES / "box.step", tmp_path, soft(width=300, height=300))
    for view, ratio in (("x", 20 / 30), ("y", 10 / 30), ("z", 10 / 20)):
        left, top, right, bottom = Image.open(tmp_path / f"{view}.png").getchannel("A").getbbox()
        assert (right - left) / (bottom - top) == pytest.approx(ratio, abs=0.01), view
    assert Image.open(tmp_path / "z.png").getpixel((150, 150))[3] == 0
