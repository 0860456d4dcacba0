"""What is counted and measured, against files of which every figure is known."""

import json
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh

from pixyz_scheduler.engine.base import ReadOptions
from pixyz_scheduler.engine.open import glb, libraries
from pixyz_scheduler.engine.open.engine import OpenEngine
from tests.fakes.engine_files import (
    ASSEMBLY_SIZE,
    assembly_tree,
    names_of,
    sample,
    skip_without_opencascade,
    write_assembly_glb,
    write_box_step,
    write_box_stl,
)

ENGINE = OpenEngine(parallel=False)


def test_a_step_box_is_right_to_the_triangle(tmp_path):
    data = ENGINE.metadata(write_box_step(tmp_path / "box.step"))
    assert (data.polygon_count, data.mesh_vertex_count, data.mesh_edge_count) == (12, 8, 18)
    assert (data.mesh_boundary, data.watertight) == (0, True)
    assert (data.brep_body_count, data.brep_face_count, data.brep_boundary) == (1, 6, 0)
    assert (data.part_count, data.material_count) == (1, 1)
    assert (data.format, data.unit, data.up) == ("step", "millimetre", "Z")
    assert data.aabb.min == pytest.approx((0, 0, 0), abs=1e-9)
    assert data.aabb.max == pytest.approx((10, 20, 30))
    assert data.size == pytest.approx((0.01, 0.02, 0.03))
    assert data.diagonal == pytest.approx(1400**0.5)


def test_a_step_file_in_inches_says_so_and_keeps_its_size(tmp_path):
    data = ENGINE.metadata(write_box_step(tmp_path / "box.step", size=(25.4, 50.8, 76.2), unit="INCH"))
    assert data.unit == "inch"
    assert data.aabb.max == pytest.approx((1, 2, 3), rel=1e-6)
    assert data.size == pytest.approx((0.0254, 0.0508, 0.0762), rel=1e-6)


def test_a_glb_is_in_metres_with_y_up(tmp_path):
    data = ENGINE.metadata(write_assembly_glb(tmp_path / "a.glb"))
    assert (data.unit, data.up, data.part_count, data.polygon_count) == ("metre", "Y", 3, 36)
    assert data.size == pytest.approx(ASSEMBLY_SIZE, rel=1e-6)
    assert (data.material_count, data.mesh_vertex_count, data.mesh_edge_count) == (2, 24, 54)


def test_an_stl_is_in_millimetres_with_z_up(tmp_path):
    data = ENGINE.metadata(write_box_stl(tmp_path / "box.stl"))
    assert (data.unit, data.up, data.polygon_count, data.mesh_vertex_count) == ("millimetre", "Z", 12, 8)
    assert data.aabb.max == pytest.approx((5, 10, 15))
    assert data.size == pytest.approx((0.01, 0.02, 0.03))
    scene = ENGINE.open(tmp_path / "box.stl")
    assert scene.tree.extents == pytest.approx((0.01, 0.03, 0.02))


def test_an_open_box_has_one_boundary_and_is_not_watertight(tmp_path):
    box = trimesh.creation.box()
    box.update_faces(np.arange(12) != next(iter(range(12))))
    trimesh.Scene(box).export(tmp_path / "open.glb")
    data = ENGINE.metadata(tmp_path / "open.glb")
    assert (data.polygon_count, data.mesh_boundary, data.watertight) == (11, 1, False)


@pytest.mark.parametrize(
    ("name", "polygons", "parts", "unit"),
    [
        ("screw.step", 3336, 1, "millimetre"),
        ("frame.step", 13688, 1, "inch"),
        ("2CylinderEngine.glb", 121496, 115, "metre"),
        ("cubes_with_names.fbx", 420, 4, "centimetre"),
        ("spider.obj", 1368, 19, "metre"),
        ("spider.stl", 1368, 1, "millimetre"),
        ("wuson.ply", 3732, 1, "metre"),
        ("box.3mf", 12, 1, "millimetre"),
    ],
)
def test_samples_are_counted(name, polygons, parts, unit):
    if name.endswith(".step"):
        skip_without_opencascade()
    data = ENGINE.metadata(sample(name))
    assert (data.polygon_count, data.part_count, data.unit) == (polygons, parts, unit)


MODELS = Path(os.environ.get("PIXYZ_TEST_MODELS", "/usr/share/assimp/models"))


@pytest.mark.skipif(
    not MODELS.is_dir(), reason="no models: apt-get install assimp-testmodels, or set PIXYZ_TEST_MODELS"
)
@pytest.mark.parametrize(
    ("name", "polygons", "parts", "size"),
    [
        ("X/Testwuson.X", 3732, 1, (0.919952, 3.244484, 1.515817)),
        ("3DS/fels.3ds", 768, 1, (3.504802, 3.205605, 4.681607)),
        ("IFC/AC14-FZK-Haus.ifc", 35906, 294, (18.0, 16.0, 7.317703)),
        ("Collada/duck.dae", 4212, 1, (165.4819, 154.0405, 115.2503)),
        ("glTF/CesiumMilkTruck/CesiumMilkTruck.gltf", 3624, 5, (4.868894, 2.842196, 2.79198)),
        ("glTF2/draco/2CylinderEngine.gltf", 110336, 115, (743.3835, 272.9885, 268.0)),
        ("FBX/box.fbx", 12, 1, (0.5105573, 0.4062126, 0.5293064)),
    ],
)
def test_formats_without_a_sample_of_ours_are_read(name, polygons, parts, size):
    """Sizes in the file's own unit and axes."""
    data = ENGINE.metadata(MODELS / name)
    assert (data.polygon_count, data.part_count) == (polygons, parts)
    assert data.aabb.size == pytest.approx(size, rel=1e-3)


def test_a_freecad_file_gives_its_shapes(tmp_path):
    ENGINE.convert(write_box_step(tmp_path / "box.step"), tmp_path / "box.brep")
    with zipfile.ZipFile(tmp_path / "box.FCStd", "w") as package:
        package.writestr("Document.xml", "<Document/>")
        package.write(tmp_path / "box.brep", "Box.Shape.brp")
        package.writestr("Empty.Shape.brp", "")
    data = ENGINE.metadata(tmp_path / "box.FCStd")
    assert (data.format, data.brep_body_count, data.polygon_count) == ("fcstd", 1, 12)
    assert data.size == pytest.approx((0.01, 0.02, 0.03))


def test_metadata_is_json(tmp_path):
    data = ENGINE.metadata(write_assembly_glb(tmp_path / "a.glb")).to_json()
    assert json.loads(json.dumps(data))["aabb"]["max"][1] == pytest.approx(1.01)
    users_fields = (
        "aabb part_count material_count brep_boundary brep_body_count mesh_boundary mesh_edge_count mesh_vertex_count "
        "polygon_count animation_count variant_count pmi_component_count annotation_count metadata_component_count "
        "metadata_property_count size unit format watertight"
    )
    assert set(users_fields.split()) <= set(data)


def test_names_do_not_change_from_one_reading_to_the_next():
    first, second = (names_of(ENGINE.open(sample("2CylinderEngine.glb"))) for _ in range(2))
    assert first == second


def test_pmi_and_properties_are_counted(tmp_path):
    pytest.importorskip("OCP", reason="OpenCASCADE cannot be loaded", exc_type=ImportError)
    data = ENGINE.metadata(_write_annotated(tmp_path / "pmi.step"))
    assert (data.pmi_component_count, data.annotation_count) == (1, 3)
    assert (data.metadata_component_count, data.metadata_property_count) == (1, 2)


def _write_annotated(path):  # noqa: PLR0915  (one step after the other, each a call of OpenCASCADE)
    """A block with two dimensions, a flatness, and two user properties."""
    from OCP.BRepPrimAPI import BRepPrimAPI_MakeBox
    from OCP.Interface import Interface_Static
    from OCP.Message import Message_ProgressRange
    from OCP.STEPCAFControl import STEPCAFControl_Writer
    from OCP.STEPControl import STEPControl_StepModelType
    from OCP.TCollection import TCollection_ExtendedString as Text
    from OCP.TDataStd import TDataStd_NamedData
    from OCP.TopAbs import TopAbs_ShapeEnum
    from OCP.TopExp import TopExp_Explorer
    from OCP.XCAFDimTolObjects import (
        XCAFDimTolObjects_DimensionObject,
        XCAFDimTolObjects_DimensionType,
        XCAFDimTolObjects_GeomToleranceObject,
        XCAFDimTolObjects_GeomToleranceType,
    )
    from OCP.XCAFDoc import XCAFDoc_Dimension, XCAFDoc_DimTolTool, XCAFDoc_DocumentTool, XCAFDoc_GeomTolerance

    from pixyz_scheduler.engine.open.cad_document import new_document
    from pixyz_scheduler.engine.open.quiet import quiet

    ocaf = new_document()
    shapes = XCAFDoc_DocumentTool.ShapeTool_s(ocaf.Main())
    tool = XCAFDoc_DimTolTool.Set_s(XCAFDoc_DocumentTool.DGTsLabel_s(ocaf.Main()))
    block = BRepPrimAPI_MakeBox(40, 30, 20).Shape()
    label = shapes.AddShape(block, False)  # noqa: FBT003
    explorer, faces = TopExp_Explorer(block, TopAbs_ShapeEnum.TopAbs_FACE), []
    while explorer.More():
        faces.append(shapes.AddSubShape(label, explorer.Current()))
        explorer.Next()
    for first, second, value in ((0, 1, 40.0), (2, 3, 30.0)):
        dimension = tool.AddDimension()
        tool.SetDimension(faces[first], faces[second], dimension)
        thing = XCAFDimTolObjects_DimensionObject()
        kind = XCAFDimTolObjects_DimensionType
        thing.SetType(kind.XCAFDimTolObjects_DimensionType_Location_LinearDistance)
        thing.SetValue(value)
        XCAFDoc_Dimension.Set_s(dimension).SetObject(thing)
    tolerance = tool.AddGeomTolerance()
    tool.SetGeomTolerance(faces[4], tolerance)
    thing = XCAFDimTolObjects_GeomToleranceObject()
    thing.SetType(XCAFDimTolObjects_GeomToleranceType.XCAFDimTolObjects_GeomToleranceType_Flatness)
    thing.SetValue(0.05)
    XCAFDoc_GeomTolerance.Set_s(tolerance).SetObject(thing)
    data = TDataStd_NamedData.Set_s(label)
    data.SetString(Text("Supplier"), Text("ACME"))
    data.SetReal(Text("Mass"), 1.5)
    with quiet():
        writer = STEPCAFControl_Writer()
        for mode in ("DimTol", "Props", "Metadata"):
            getattr(writer, f"Set{mode}Mode")(True)  # noqa: FBT003
        Interface_Static.SetIVal_s("write.step.schema", 5)
        writer.Transfer(ocaf, STEPControl_StepModelType.STEPControl_AsIs, None, Message_ProgressRange())
        writer.Write(str(path))
    return path


def test_opencascade_prints_nothing(tmp_path, capfd):
    write_box_step(tmp_path / "box.step")
    ENGINE.convert(tmp_path / "box.step", tmp_path / "again.step")
    ENGINE.convert(write_assembly_glb(tmp_path / "a.glb"), tmp_path / "a.step")
    assert capfd.readouterr().out == ""


def triangles_from_the_finest_quality_down():
    return [
        ENGINE.metadata(sample("screw.step"), ReadOptions(quality=quality)).polygon_count
        for quality in ("very_high", "high", "medium", "low")
    ]


def test_a_coarser_quality_makes_fewer_triangles():
    counts = triangles_from_the_finest_quality_down()
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 2 * counts[-1]


def test_repair_leaves_a_sound_part_as_it_is():
    skip_without_opencascade()
    data = ENGINE.metadata(sample("screw.step"), ReadOptions(repair=True))
    assert (data.brep_body_count, data.brep_face_count, data.brep_boundary) == (1, 10, 0)


@pytest.fixture
def no_opencascade(monkeypatch):
    """As on a machine without libGL: OCP cannot be imported."""
    pytest.importorskip("cascadio", reason="cascadio is not installed")
    for name in [name for name in sys.modules if name == "OCP" or name.startswith("OCP.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "OCP", None)


@pytest.mark.usefixtures("no_opencascade")
def test_without_opencascade_too_a_coarser_quality_makes_fewer_triangles():
    counts = triangles_from_the_finest_quality_down()
    assert counts == sorted(counts, reverse=True)


@pytest.mark.usefixtures("no_opencascade")
@pytest.mark.parametrize(("name", "unit"), [("screw.step", "millimetre"), ("frame.step", "inch")])
def test_without_opencascade_cascadio_reads_step_in_the_same_axes_and_size(name, unit):
    wanted = {"screw.step": (0.019843, 0.019992, 0.042295), "frame.step": (0.7112, 0.2921, 0.8128)}[name]
    data = ENGINE.metadata(sample(name))
    assert data.size == pytest.approx(wanted, rel=1e-3)
    assert (data.unit, data.up) == (unit, "Z")
    assert data.brep_body_count == 1
    assert (data.brep_boundary, data.annotation_count) == (None, None)
    assert any("cascadio" in warning for warning in data.warnings)


@pytest.mark.usefixtures("no_opencascade")
def test_without_opencascade_the_formats_and_the_error_name_the_command(tmp_path):
    from pixyz_scheduler.errors import EngineMissing

    formats = ENGINE.formats()
    assert {"step", "iges", "glb"} <= formats.reads
    assert "step" not in formats.writes
    assert "pip install" in formats.missing["brep"]
    with pytest.raises(EngineMissing, match=r"pixyz-scheduler\[cad\]"):
        ENGINE.convert(sample("box.3mf"), tmp_path / "out.step")


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        ("pxr", "a.usda", r"USD.*pixyz-scheduler\[usd\]"),
        ("lxml", "a.3mf", r"3MF.*pixyz-scheduler\[open-engine\]"),
    ],
)
def test_a_missing_library_costs_its_format_and_names_the_command(tmp_path, monkeypatch, module, name, words):
    from pixyz_scheduler.errors import EngineMissing

    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(EngineMissing, match=words):
        ENGINE.open(tmp_path / name)


def test_draco_without_its_library_is_an_error_and_not_zeros(tmp_path, monkeypatch):
    pytest.importorskip("DracoPy", reason="DracoPy is not installed")
    assembly_tree().export(tmp_path / "a.glb", extension_draco=True)
    data = ENGINE.metadata(tmp_path / "a.glb")
    assert data.size == pytest.approx(ASSEMBLY_SIZE, rel=1e-3)
    from pixyz_scheduler.errors import EngineMissing

    monkeypatch.setitem(sys.modules, "DracoPy", None)
    with pytest.raises(EngineMissing, match="Draco"):
        ENGINE.open(tmp_path / "a.glb")


def test_a_library_line_for_a_missing_system_library_names_apt():
    error = ImportError("libGL.so.1: cannot open shared object file: No such file or directory")
    assert "apt-get install libgl1" in libraries.missing_line("OCP", error)


def test_repair_drops_flat_and_doubled_triangles_of_a_mesh(tmp_path):
    box = trimesh.creation.box()
    box = trimesh.Trimesh(box.vertices, [*box.faces, box.faces[0], [0, 0, 1]], process=False)
    trimesh.Scene(box).export(tmp_path / "bad.glb")
    assert ENGINE.metadata(tmp_path / "bad.glb").polygon_count == 14
    data = ENGINE.metadata(tmp_path / "bad.glb", ReadOptions(repair=True))
    assert (data.polygon_count, data.watertight) == (12, True)
    assert any("2 triangles" in warning for warning in data.warnings)


def test_colours_at_vertices_are_linear_in_glb_and_come_back(tmp_path):
    box = trimesh.creation.box()
    box.visual.vertex_colors = [200, 100, 50, 255]
    trimesh.Scene(box).export(tmp_path / "a.ply")
    ENGINE.convert(tmp_path / "a.ply", tmp_path / "b.glb")
    ENGINE.convert(tmp_path / "b.glb", tmp_path / "c.ply")
    document, _ = glb.split((tmp_path / "b.glb").read_bytes(), "b.glb")
    (linear,) = [each for each in document["accessors"] if each["type"] == "VEC4"]
    (back,) = trimesh.load_scene(tmp_path / "c.ply").geometry.values()
    assert linear["max"] == pytest.approx([147, 32, 8, 255], abs=1)
    assert back.visual.vertex_colors[0].tolist() == pytest.approx([200, 100, 50, 255], abs=4)


def test_an_fbx_with_z_up_stands_and_is_measured_in_its_own_axes(tmp_path):
    source = sample("animation_with_skeleton.fbx").read_bytes()
    name = b"UpAxisS\x03\x00\x00\x00intS\x07\x00\x00\x00IntegerS\x00\x00\x00\x00I"
    front = name.replace(b"UpAxis", b"FrontAxis")
    assert source.count(name + b"\1\0\0\0") == 1, "the sample is no longer what this test changes"
    turned = source.replace(name + b"\1\0\0\0", name + b"\2\0\0\0").replace(front + b"\2\0\0\0", front + b"\1\0\0\0")
    (tmp_path / "z.fbx").write_bytes(turned)
    upright, lying = ENGINE.metadata(sample("animation_with_skeleton.fbx")), ENGINE.metadata(tmp_path / "z.fbx")
    assert (upright.up, lying.up) == ("Y", "Z")
    assert lying.size == pytest.approx(upright.size, rel=1e-4)
