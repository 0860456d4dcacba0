"""The Pixyz SDK's adapter, against a stand-in that notes what it is asked."""

import importlib
import sys
from pathlib import Path

import pytest

from pixyz_scheduler.engine.base import ConvertOptions
from pixyz_scheduler.errors import CorruptFile, UnsupportedFormat

STUB = Path(__file__).parents[1] / "fakes" / "pxz_stub"


@pytest.fixture
def sdk(monkeypatch):
    """The stand-in as `pxz`, and the adapter freshly imported upon it."""
    monkeypatch.syspath_prepend(str(STUB))
    for name in ("pxz", "pixyz_scheduler.engine.pixyz"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    pxz = importlib.import_module("pxz")
    monkeypatch.setitem(sys.modules, "pxz", pxz)
    adapter = importlib.import_module("pixyz_scheduler.engine.pixyz")
    monkeypatch.setitem(sys.modules, "pixyz_scheduler.engine.pixyz", adapter)
    return pxz, adapter


def names(pxz):
    return [call[0] for call in pxz.calls]


def test_a_conversion_imports_tessellates_decimates_and_exports(sdk, tmp_path):
    pxz, adapter = sdk
    (tmp_path / "in.catpart").write_bytes(b"good")
    done = adapter.PixyzEngine().convert(
        tmp_path / "in.catpart", tmp_path / "out.glb", ConvertOptions(quality="high", repair=True, ratio=0.25)
    )
    assert (done.output, done.size, done.part_count, done.engine) == ("out.glb", 8, 2, "pixyz")
    assert ("algo.tessellateRelativelyToAABB", [1], 0.1, 2e-4, -1, 20.0) in pxz.calls
    assert ("algo.decimateTarget", [1], ["triangleCount", 250]) in pxz.calls
    wanted = ["core.resetSession", "io.importScene", "algo.repairCAD", "algo.decimateTarget", "io.exportScene"]
    assert [name for name in names(pxz) if name in wanted] == wanted


def test_metadata_comes_from_the_sdk(sdk, tmp_path):
    _, adapter = sdk
    (tmp_path / "in.jt").write_bytes(b"good")
    data = adapter.PixyzEngine().metadata(tmp_path / "in.jt").to_json()
    assert data["aabb"] == {"min": (0.0, 0.0, 0.0), "max": (10.0, 20.0, 30.0)}
    assert (data["size"], data["unit"], data["part_count"]) == ((0.01, 0.02, 0.03), "millimetre", 2)
    assert (data["brep_body_count"], data["annotation_count"], data["metadata_property_count"]) == (3, 2, 2)
    assert data["watertight"] is True


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("in.txt", b"good", UnsupportedFormat, r"in\.txt.*not a 3D format"),
        ("in.jt", b"bad", CorruptFile, r"in\.jt cannot be imported by the Pixyz SDK: cannot parse"),
        ("none.jt", None, FileNotFoundError, r"none\.jt is not there"),
    ],
)
def test_what_cannot_be_imported_is_named(sdk, tmp_path, name, content, error, words):
    _, adapter = sdk
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=words):
        adapter.PixyzEngine().open(tmp_path / name)


def test_what_the_sdk_does_not_write_is_refused(sdk, tmp_path):
    _, adapter = sdk
    with pytest.raises(UnsupportedFormat, match="cannot be written"):
        adapter.PixyzEngine().convert(tmp_path / "in.jt", tmp_path / "out.dae")


def test_a_scene_of_another_engine_is_refused(sdk):
    _, adapter = sdk
    with pytest.raises(TypeError, match="not opened by the Pixyz SDK"):
        adapter.PixyzEngine().metadata(object())
