"""Files that are damaged, mean, or not what their names say: each ends in an error that names file and reason."""

import json
import os
import random
import signal
import struct
import subprocess
import sys
import zipfile

import pytest

from pixyz_scheduler.engine.open import archive, glb
from pixyz_scheduler.engine.open.engine import OpenEngine
from pixyz_scheduler.errors import CorruptFile, EmptyScene, EngineError, UnsupportedFormat
from tests.fakes.engine_files import REPOSITORY, assembly_tree, sample, write_assembly_glb, write_box_stl

ENGINE = OpenEngine(parallel=False)
NOISE = random.Random(1).randbytes(100_000)  # noqa: S311  (noise, the same each time)


def gltf(**fields):
    return json.dumps({"asset": {"version": "2.0"}, **fields}).encode()


def changed_glb(change):
    document, binary = glb.split(assembly_tree().export(file_type="glb"), "a.glb")
    change(document)
    return glb.join(document, binary)


def cycle(document):
    document["nodes"][0]["children"] = [0]


def absurd_count(document):
    document["accessors"][0]["count"] = 4_000_000_000


def lone_accessor(document):
    document["accessors"][0] = {"componentType": 5126, "type": "VEC3", "count": 4_000_000_000}


def far_view(document):
    document["bufferViews"][0]["byteOffset"] = 1 << 40


def wrong_reference(document):
    document["nodes"][-1]["mesh"] = 99


def unknown_extension(document):
    document["extensionsRequired"] = ["EXT_meshopt_compression"]


def no_triangles(document):
    for mesh in document["meshes"]:
        for primitive in mesh["primitives"]:
            primitive["mode"] = 0


GOOD_GLB = assembly_tree().export(file_type="glb")
PLY = "ply\nformat {}\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\nelement face {}\n"
PLY += "property list uchar int vertex_indices\nend_header\n"
NAN_PLY = PLY.format("ascii 1.0", 3, 1) + "0 0 0\n1 0 0\nnan 1 0\n3 0 1 2\n"
FAR_PLY = PLY.format("ascii 1.0", 3, 1) + "0 0 0\n1 0 0\n0 1 0\n3 0 1 9\n"
MODEL = '<model unit="millimeter" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"><resources>{}</resources>'
MODEL += '<build><item objectid="1"/></build></model>'
SELF = '<object id="1"><components><component objectid="1"/></components></object>'
BOMB = '<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + MODEL.format("&b;")


def threemf(model):
    import io

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("3D/3dmodel.model", model)
    return file.getvalue()


HOSTILE = [
    ("empty.glb", b"", CorruptFile, "is empty"),
    ("short.glb", GOOD_GLB[:200], CorruptFile, "cut short"),
    ("noise.glb", NOISE, CorruptFile, "not a GLB"),
    ("cycle.glb", changed_glb(cycle), CorruptFile, "cycle|two parents"),
    ("absurd.glb", changed_glb(absurd_count), CorruptFile, "4000000000 elements"),
    ("lone.glb", changed_glb(lone_accessor), CorruptFile, "has no data"),
    ("far.glb", changed_glb(far_view), CorruptFile, "ends at byte"),
    ("reference.glb", changed_glb(wrong_reference), CorruptFile, r"no meshes\[99\]"),
    ("extension.glb", changed_glb(unknown_extension), UnsupportedFormat, "EXT_meshopt_compression"),
    ("points.glb", changed_glb(no_triangles), EmptyScene, "no triangles"),
    ("noise.gltf", NOISE, CorruptFile, "JSON cannot be read"),
    ("list.gltf", b"[]", CorruptFile, "no asset"),
    ("deep.gltf", b"[" * 100_000, CorruptFile, "JSON cannot be read"),
    ("empty.gltf", gltf(), EmptyScene, "no triangles"),
    ("out.gltf", gltf(buffers=[{"uri": "../../../etc/passwd", "byteLength": 1}]), CorruptFile, "outside its folder"),
    ("gone.gltf", gltf(buffers=[{"uri": "gone.bin", "byteLength": 1}]), CorruptFile, "not beside it"),
    ("base64.gltf", gltf(buffers=[{"uri": "data:;base64,!!", "byteLength": 1}]), CorruptFile, "no base64"),
    ("claim.stl", b"x" * 80 + struct.pack("<I", 4_000_000_000) + b"\0" * 50, CorruptFile, "claims 4000000000"),
    ("noise.stl", NOISE, CorruptFile, "claims"),
    ("text.stl", b"solid a\nfacet normal 0 0 x\nendsolid", (CorruptFile, EmptyScene), "text.stl"),
    ("claim.ply", (PLY.format("binary_little_endian 1.0", 4_000_000_000, 1)).encode(), CorruptFile, "claims at least"),
    ("words.ply", (PLY.format("ascii 1.0", "many", 1)).encode(), CorruptFile, "count should be"),
    ("nan.ply", NAN_PLY.encode(), CorruptFile, "no numbers"),
    ("far.ply", FAR_PLY.encode(), CorruptFile, "not there|cannot be read"),
    ("noise.ply", NOISE, CorruptFile, "no PLY header"),
    ("claim.off", b"OFF\n4000000000 4000000000 0\n0 0 0\n", CorruptFile, "claims 4000000000"),
    ("noise.off", NOISE, CorruptFile, "no OFF file"),
    ("noise.obj", NOISE, (CorruptFile, EmptyScene), "noise.obj"),
    ("points.obj", b"v 0 0 0\nv 1 0 0\n", (CorruptFile, EmptyScene), "points.obj"),
    ("noise.3mf", NOISE, CorruptFile, "3MF"),
    ("self.3mf", threemf(MODEL.format(SELF)), CorruptFile, "component of itself"),
    ("gone.3mf", threemf(MODEL.format("")), CorruptFile, "no object 1"),
    ("bomb.3mf", threemf(BOMB), (CorruptFile, EmptyScene), "bomb.3mf"),
    ("noise.usda", NOISE, CorruptFile, "USD"),
    ("noise.usdz", NOISE, CorruptFile, "USD"),
    ("self.usda", b'#usda 1.0\ndef "A" (references = @self.usda@</A>) {}\n', (CorruptFile, EmptyScene), "self.usda"),
    ("noise.zip", NOISE, CorruptFile, "cannot be unpacked"),
    ("noise.fbx", NOISE, CorruptFile, "noise.fbx cannot be read"),
    ("noise.dae", NOISE, CorruptFile, "noise.dae cannot be read"),
    ("a.txt", b"hello", UnsupportedFormat, "not a 3D format"),
    ("noextension", b"hello", UnsupportedFormat, "no extension"),
    *((f"a.{name}", b"x", UnsupportedFormat, "needs the Pixyz SDK") for name in ("CATPart", "sldprt", "prt", "x_t")),
    *((f"a.{name}", b"x", UnsupportedFormat, "needs the Pixyz SDK") for name in ("jt", "pxz")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "error", "words"), HOSTILE, ids=[case[0] for case in HOSTILE])
def test_a_hostile_file_ends_in_a_clear_error(tmp_path, name, content, error, words):
    if name.endswith((".usda", ".usdz")):
        pytest.importorskip("pxr", reason="usd-core is not installed", exc_type=ImportError)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=words) as caught:
        ENGINE.open(tmp_path / name)
    assert name in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["glb", "gltf", "obj", "stl", "ply", "off", "3mf", "step", "usda", "fbx", "dae", "zip"]
)
def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=f"a.{name} is not there"):
        ENGINE.open(tmp_path / f"a.{name}")


def test_the_right_content_under_a_wrong_name_is_refused(tmp_path):
    (tmp_path / "really_stl.glb").write_bytes(write_box_stl(tmp_path / "a.stl").read_bytes())
    with pytest.raises(CorruptFile, match=r"really_stl\.glb is not a GLB"):
        ENGINE.open(tmp_path / "really_stl.glb")


READ = """
import sys
from pixyz_scheduler.engine.open.engine import OpenEngine
from pixyz_scheduler.errors import EngineError
try:
    OpenEngine(parallel=False).metadata(sys.argv[1])
except EngineError as error:
    assert "damaged" in str(error), error
    print(f"{type(error).__name__}: {error}")
"""


@pytest.mark.parametrize("name", ["screw.step", "cubes_with_names.fbx", "animation_with_skeleton.fbx", "spider.obj"])
@pytest.mark.parametrize("keep", [0.1, 0.7])
def test_a_truncated_file_costs_its_own_process_at_most(tmp_path, name, keep):
    """Native readers may crash on it: then by a signal, in the child that the worker gives each attempt."""
    source = sample(name).read_bytes()
    (tmp_path / f"damaged_{name}").write_bytes(source[: int(len(source) * keep)])
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / f"damaged_{name}")],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0 or -done.returncode in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS), done.stderr


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in members.items():
            package.writestr(name, content)
    return path


def test_a_zip_of_a_gltf_with_its_files_is_opened(tmp_path):
    ENGINE.convert(write_assembly_glb(tmp_path / "a.glb"), tmp_path / "scene.gltf")
    names = ("scene.gltf", "scene.bin")
    package = make_zip(tmp_path / "a.zip", {f"inner/{name}": (tmp_path / name).read_bytes() for name in names})
    scene = ENGINE.open(package)
    assert (scene.format, scene.triangle_count) == ("gltf", 36)


def test_the_main_file_of_a_zip_can_be_named(tmp_path):
    from pixyz_scheduler.engine.base import ReadOptions

    package = make_zip(
        tmp_path / "a.zip", {"a.glb": GOOD_GLB, "b/box.stl": write_box_stl(tmp_path / "box.stl").read_bytes()}
    )
    assert ENGINE.open(package).format == "glb"
    assert ENGINE.open(package, ReadOptions(root_file="b/box.stl")).triangle_count == 12
    for wrong in ("gone.stl", "../a.zip", "/etc/passwd"):
        with pytest.raises(UnsupportedFormat, match="holds no file"):
            ENGINE.open(package, ReadOptions(root_file=wrong))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"readme.txt": "hello"}, "holds no 3D file"),
        ({"../out.glb": GOOD_GLB}, "leaves its folder"),
        ({"/abs.glb": GOOD_GLB}, "leaves its folder"),
        ({"c:\\out.glb": GOOD_GLB}, "leaves its folder"),
        ({"zeros.stl": bytes(20 << 20)}, "would unpack to"),
    ],
)
def test_a_mean_zip_is_refused(tmp_path, members, words):
    with pytest.raises(EngineError, match=words):
        ENGINE.open(make_zip(tmp_path / "mean.zip", members))
    assert not (tmp_path.parent / "out.glb").exists()


def test_a_zip_with_a_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("link.glb")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as package:
        package.writestr(link, "/etc/passwd")
    with pytest.raises(CorruptFile, match="holds a link"):
        ENGINE.open(tmp_path / "link.zip")


def test_a_zip_with_too_many_members_is_refused(tmp_path):
    package = make_zip(tmp_path / "many.zip", {f"{number}.txt": "" for number in range(11)})
    with pytest.raises(CorruptFile, match="11 members; 10 are allowed"):
        archive.unpack(package, tmp_path, archive.Limits(members=10))


@pytest.mark.parametrize(
    ("out", "words"), [("a.xyz", "cannot be written; these can"), ("a.catpart", "needs the Pixyz SDK"), ("a", "cannot")]
)
def test_a_format_that_cannot_be_written_is_refused_before_the_reading(tmp_path, out, words):
    with pytest.raises(UnsupportedFormat, match=words):
        ENGINE.convert(tmp_path / "not there.step", tmp_path / out)


def test_a_scene_of_another_engine_is_refused():
    with pytest.raises(TypeError, match="not opened by the open engine"):
        ENGINE.metadata(object())
