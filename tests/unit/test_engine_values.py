"""The engine's pure parts: units and axes, loops, colours, the choice of a main file, what headers say."""

import numpy as np
import pytest

from pixyz_scheduler.engine.base import Box, Formats
from pixyz_scheduler.engine.open import archive, file_frame, losses
from pixyz_scheduler.engine.open.formats import FORMATS, SDK_ONLY
from pixyz_scheduler.engine.open.looks import to_linear_bytes, to_srgb, to_srgb_bytes
from pixyz_scheduler.engine.open.loops import connected_groups
from pixyz_scheduler.engine.open.metadata import count
from pixyz_scheduler.engine.open.scene import METRES_Y_UP, MILLIMETRES_Z_UP, Facts, Frame, Scene
from pixyz_scheduler.engine.open.tessellation import SAG
from tests.fakes.engine_files import assembly_tree


@pytest.mark.parametrize(
    ("metres", "name"),
    [(1.0, "metre"), (1e-3, "millimetre"), (0.0254, "inch"), (0.3048, "foot"), (0.01, "centimetre"), (5, "5 metre")],
)
def test_a_unit_has_a_name(metres, name):
    assert Frame(metres).unit == name


def test_up_in_the_file_is_up_in_the_scene_and_back():
    up = np.array([0, 0, 1000, 1])
    assert MILLIMETRES_Z_UP.to_scene @ up == pytest.approx([0, 1, 0, 1])
    assert MILLIMETRES_Z_UP.from_scene @ [0, 1, 0, 1] == pytest.approx(up)
    assert METRES_Y_UP.to_scene == pytest.approx(np.eye(4))
    assert np.linalg.det(MILLIMETRES_Z_UP.to_scene) > 0


@pytest.mark.parametrize(
    ("edges", "groups"),
    [([], 0), ([(1, 2), (2, 3), (3, 1)], 1), ([(1, 2), (2, 1), (5, 6), (6, 5)], 2), ([(1, 2), (3, 4), (2, 3)], 1)],
)
def test_open_edges_that_hang_together_are_one_loop(edges, groups):
    assert connected_groups(edges) == groups


def test_a_mesh_is_counted_after_welding():
    """Two triangles that share an edge by place, not by vertex; and one without area."""
    points = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (5, 5, 5), (5, 5, 5), (5, 5, 5)]
    counted = count(np.array(points), np.arange(9).reshape(3, 3))
    assert (counted.triangles, counted.points, counted.edges, counted.boundary) == (3, 4, 5, 1)
    assert not counted.closed


@pytest.mark.parametrize(
    ("linear", "bytes_"), [((0, 0, 0, 1), (0, 0, 0, 255)), ((1, 0.2159, 0, 0.5), (255, 128, 0, 128))]
)
def test_linear_factors_become_srgb_bytes(linear, bytes_):
    assert to_srgb(linear) == bytes_


def test_vertex_colours_turn_linear_and_back():
    colours = np.array([[255, 128, 200, 7], [0, 60, 90, 255]], dtype=np.uint8)
    assert to_srgb_bytes(to_linear_bytes(colours)) == pytest.approx(colours, abs=3)
    assert to_linear_bytes(colours)[0].tolist() == [255, 55, 147, 7]


FBX_TEXT = b'P: "UpAxis", "int", "Integer", "",2\nP: "UnitScaleFactor", "double", "Number", "",2.54\n'
FBX_BINARY = b"PS\x06\0\0\0UpAxisS\x03\0\0\0intS\x07\0\0\0IntegerS\0\0\0\0I\x02\0\0\0"
FBX_BINARY += b"PS\x0f\0\0\0UnitScaleFactorS\x06\0\0\0doubleS\x06\0\0\0NumberS\0\0\0\0D\0\0\0\0\0\0\x59\x40"


@pytest.mark.parametrize(
    ("file_format", "content", "frame"),
    [
        ("fbx", FBX_TEXT, Frame(0.0254, "Z")),
        ("fbx", FBX_BINARY, Frame(1.0, "Z")),
        ("fbx", b"nothing", Frame(0.01, "Y")),
        ("dae", b'<unit meter="0.0254" name="inch"/><up_axis>Z_UP</up_axis>', Frame(0.0254, "Z")),
        ("dae", b"<asset/>", Frame(1.0, "Y")),
        ("ifc", b"#1= IFCSIUNIT(*,.LENGTHUNIT.,.MILLI.,.METRE.);", Frame(1e-3, "Z")),
        ("ifc", b"#1= IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.);", Frame(1.0, "Z")),
        ("3ds", b"", Frame(1.0, "Z")),
        ("x", b"", METRES_Y_UP),
    ],
)
def test_a_file_says_its_unit_and_axes(tmp_path, file_format, content, frame):
    (tmp_path / "file").write_bytes(content)
    assert file_frame.of(tmp_path / "file", file_format) == frame


@pytest.mark.parametrize(
    ("files", "main"),
    [
        ({"a.obj": 1, "b.step": 1}, "b.step"),
        ({"small.stl": 1, "large.stl": 9, "note.txt": 99}, "large.stl"),
        ({"x/scene.gltf": 1, "x/scene.bin": 99}, "x/scene.gltf"),
    ],
)
def test_the_main_file_of_a_folder_is_found(tmp_path, files, main):
    for name, size in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * size)
    assert archive.main_file(tmp_path, "a.zip", None) == tmp_path / main


@pytest.mark.parametrize(
    ("target", "lost"),
    [
        ("glb", []),
        ("fbx", ["material variants (2)", "user properties (5)"]),
        ("obj", ["the assembly tree", "animations", "skins", "material variants (2)", "user properties (5)"]),
        ("ply", ["the assembly tree", "part names (3)", "textures (4)", "animations", "skins", "material variants (2)",
                 "user properties (5)"]),
    ],
)  # fmt: skip
def test_what_a_format_cannot_hold_is_named(tmp_path, target, lost):
    facts = Facts(textures=4, animations=1, skins=1, variants=2, metadata_properties=5)
    scene = Scene(tmp_path / "a.glb", "glb", METRES_Y_UP, facts, built=assembly_tree())
    assert list(losses.of(scene, target)) == [f"{target.upper()} cannot hold {thing}" for thing in lost]


def test_editing_gives_up_what_hangs_on_the_source(tmp_path):
    scene = Scene(tmp_path / "a.glb", "glb", METRES_Y_UP, Facts(animations=2), glb=b"bytes", built=assembly_tree())
    edited = scene.edited(assembly_tree(), warnings=("decimated",))
    assert (edited.glb, edited.document, edited.facts.animations) == (None, None, 0)
    assert edited.warnings == ("2 animations lost: the triangles were edited", "decimated")


def test_a_box_knows_its_size():
    box = Box((0, 0, 0), (3, 4, 12))
    assert (box.size, box.diagonal) == ((3, 4, 12), 13)


def test_small_parts_are_triangulated_finer_than_the_length_alone_says():
    assert SAG["medium"].of(10_000) == 0.2
    assert SAG["medium"].of(10) == pytest.approx(0.003)


def test_formats_are_sorted_for_json():
    assert Formats(frozenset("ba"), frozenset("c")).to_json() == {"reads": ["a", "b"], "writes": ["c"], "missing": {}}


def test_no_format_is_both_open_and_of_the_sdk_alone():
    assert not SDK_ONLY.keys() & FORMATS.keys()
