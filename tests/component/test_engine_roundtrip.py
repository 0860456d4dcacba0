"""Out and in again, for each format that can be written: sizes, triangles, names, colours, the tree."""

import numpy as np
import pytest

from pixyz_scheduler.engine.open.engine import OpenEngine
from pixyz_scheduler.engine.open.looks import look_of, to_srgb
from tests.fakes.engine_files import (
    ASSEMBLY_SIZE,
    BLUE,
    RED,
    assembly_tree,
    flat,
    names_of,
    sample,
    skip_where_not_written,
    write_assembly_glb,
    write_box_step,
)

ENGINE = OpenEngine(parallel=False)
WRITTEN = ("glb", "gltf", "usdz", "usda", "usdc", "obj", "stl", "ply", "off", "3mf", "step", "brep", "fbx", "dae")
NAMED = ("glb", "gltf", "usdz", "usda", "usdc", "obj", "3mf", "step", "fbx", "dae")
TREES = ("glb", "gltf", "usdz", "usda", "usdc", "3mf", "step", "fbx", "dae")


def there_and_back(source, folder, target):
    skip_where_not_written(target)
    scene = ENGINE.open(source)
    out = folder / "out" / f"out.{target}"
    out.parent.mkdir()
    done = ENGINE.convert(scene, out)
    assert sorted(done.files) == sorted(file.name for file in out.parent.iterdir())
    assert done.size == sum(file.stat().st_size for file in out.parent.iterdir())
    return done, ENGINE.open(out)


def size_in_scene(scene):
    return np.ptp([corner for part in scene.parts() for corner in placed(part)], axis=0)


def placed(part):
    return np.asarray(part.mesh.vertices) @ part.matrix[:3, :3].T + part.matrix[:3, 3]


@pytest.mark.parametrize("target", WRITTEN)
def test_an_assembly_keeps_its_size_and_triangles(tmp_path, target):
    done, back = there_and_back(write_assembly_glb(tmp_path / "a.glb"), tmp_path, target)
    assert size_in_scene(back) == pytest.approx(ASSEMBLY_SIZE, rel=1e-5)
    assert (done.polygon_count, done.part_count) == (36, 3)
    assert back.triangle_count == 36


@pytest.mark.parametrize("target", WRITTEN)
def test_mirrored_parts_still_show_their_outside(tmp_path, target):
    _, back = there_and_back(write_assembly_glb(tmp_path / "a.glb"), tmp_path, target)
    volume = 0.0
    for part in back.parts():
        a, b, c = np.moveaxis(placed(part)[part.mesh.faces], 1, 0)
        turned = np.sign(np.linalg.det(part.matrix[:3, :3]))
        volume += turned * np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(2 * 6e-6 + 40 * 6e-6, rel=1e-4)


@pytest.mark.parametrize("target", NAMED)
def test_part_names_survive(tmp_path, target):
    _, back = there_and_back(write_assembly_glb(tmp_path / "a.glb"), tmp_path, target)
    assert {flat(name) for name in names_of(back)} == {"Lid_left", "Lid_right", "Base"}


@pytest.mark.parametrize("target", [*NAMED, "ply"])
def test_colours_survive(tmp_path, target):
    _, back = there_and_back(write_assembly_glb(tmp_path / "a.glb"), tmp_path, target)
    if target == "ply":
        meshes = [part.mesh for part in back.parts()]
        colours = {tuple(colour) for mesh in meshes for colour in np.asarray(mesh.visual.vertex_colors)}
        wanted = np.array([to_srgb(BLUE), to_srgb(RED)])
        assert np.array(sorted(colours)) == pytest.approx(wanted, abs=2)
        return
    wanted = {"Lid_left": RED, "Lid_right": RED, "Base": BLUE}
    for part in back.parts():
        assert look_of(part.mesh).colour == pytest.approx(wanted[flat(part.name)], abs=0.01)


@pytest.mark.parametrize("target", TREES)
def test_the_tree_survives(tmp_path, target):
    _, back = there_and_back(write_assembly_glb(tmp_path / "a.glb"), tmp_path, target)
    graph = back.tree.graph
    parents = {flat(child): flat(parent) for child, parent in graph.transforms.parents.items()}
    assert (parents["Upper"], parents["Base"]) == ("Machine", "Machine")
    for name in ("Lid_left", "Lid_right"):
        above = name
        while above in parents and above != "Upper":
            above = parents[above]
        assert above == "Upper"


@pytest.mark.parametrize("target", WRITTEN)
def test_a_cad_part_keeps_its_size(tmp_path, target):
    _, back = there_and_back(write_box_step(tmp_path / "box.step"), tmp_path, target)
    assert ENGINE.metadata(back).polygon_count == 12
    assert size_in_scene(back) == pytest.approx((0.01, 0.03, 0.02), rel=1e-5)


@pytest.mark.parametrize("target", ["step", "iges", "brep"])
def test_cad_to_cad_stays_exact(tmp_path, target):
    _, back = there_and_back(sample("screw.step"), tmp_path, target)
    data = ENGINE.metadata(back)
    assert data.brep_face_count == 10
    assert data.size == pytest.approx((0.019843, 0.019992, 0.042295), rel=0.01)


@pytest.mark.parametrize("target", ["glb", "gltf", "fbx"])
def test_animations_and_skins_survive_where_the_format_holds_them(tmp_path, target):
    done, back = there_and_back(sample("animation_with_skeleton.fbx"), tmp_path, target)
    assert (back.facts.animations, back.facts.skins, done.warnings) == (1, 1, ())


@pytest.mark.parametrize("target", ["stl", "usdz", "dae"])
def test_what_is_lost_is_said(tmp_path, target):
    done, _ = there_and_back(sample("animation_with_skeleton.fbx"), tmp_path, target)
    assert any("animations" in warning for warning in done.warnings)
    assert any("skins" in warning for warning in done.warnings)


@pytest.mark.parametrize("target", ["glb", "gltf", "usdz", "usda", "obj", "fbx", "dae"])
def test_textures_survive(tmp_path, target):
    _, back = there_and_back(sample("wuson.ply"), tmp_path, target)
    (part,) = back.parts()
    image = look_of(part.mesh).image
    assert image is not None
    assert min(image.size) > 1


@pytest.mark.parametrize("target", NAMED)
def test_names_in_other_letters_survive(tmp_path, target):
    _, back = there_and_back(sample("cubes_with_names.fbx"), tmp_path, target)
    names = {name.removesuffix("_2") for name in names_of(back)}
    assert {"Cube2", "Cube3", "Куб1"} <= names  # noqa: RUF001  (the sample is Russian)


@pytest.mark.parametrize("target", ["gltf", "obj", "usda"])
def test_two_exports_into_one_folder_do_not_overwrite_each_other(tmp_path, target):
    skip_where_not_written(target)
    source = sample("wuson.ply")
    first = ENGINE.convert(source, tmp_path / f"a.{target}")
    second = ENGINE.convert(source, tmp_path / f"b.{target}")
    assert not set(first.files) & set(second.files)


def test_a_glb_that_nobody_edited_passes_through_untouched(tmp_path):
    source = write_assembly_glb(tmp_path / "a.glb")
    ENGINE.convert(source, tmp_path / "b.glb")
    assert (tmp_path / "b.glb").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("target", ["glb", "fbx", "dae", "stl", "usda"])
def test_draco_is_unpacked_for_formats_without_it(tmp_path, target):
    pytest.importorskip("DracoPy", reason="DracoPy is not installed")
    assembly_tree().export(tmp_path / "a.glb", extension_draco=True)
    _, back = there_and_back(tmp_path / "a.glb", tmp_path, target)
    assert size_in_scene(back) == pytest.approx(ASSEMBLY_SIZE, rel=1e-3)
    assert back.triangle_count == 36


@pytest.mark.parametrize(("target", "meshes"), [("glb", 2), ("gltf", 2), ("3mf", 3)])
def test_instances_share_their_mesh(tmp_path, target, meshes):
    """Five lids, one of them mirrored: where a format cannot mirror, that one is a mesh of its own."""
    tree = assembly_tree()
    for number in range(3):
        matrix = np.eye(4)
        matrix[2, 3] = number + 1
        tree.graph.update(frame_to=f"Lid {number}", frame_from="Upper", matrix=matrix, geometry="lid mesh")
    tree.export(tmp_path / "a.glb")
    _, back = there_and_back(tmp_path / "a.glb", tmp_path, target)
    assert len(list(back.parts())) == 6
    assert len({part.mesh_name for part in back.parts()}) == meshes


def test_iges_from_triangles_is_refused_and_not_a_crash(tmp_path):
    pytest.importorskip("OCP", reason="OpenCASCADE cannot be loaded", exc_type=ImportError)
    from pixyz_scheduler.errors import UnsupportedFormat

    with pytest.raises(UnsupportedFormat, match="IGES can only be written from a CAD file"):
        ENGINE.convert(write_assembly_glb(tmp_path / "a.glb"), tmp_path / "a.iges")
