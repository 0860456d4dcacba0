"""Which engine is found."""

import shutil
import sys
from pathlib import Path

import pytest

from pixyz_scheduler.engine.absent import AbsentEngine
from pixyz_scheduler.engine.base import ConvertOptions, ReadOptions, ThumbnailOptions
from pixyz_scheduler.engine.choice import EngineChoice, LicenceTerms, has_pxz
from pixyz_scheduler.engine.select import find_engine, preload
from pixyz_scheduler.errors import EngineMissing

STUB = Path(__file__).parents[1] / "fakes" / "pxz_stub"


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in ("pxz", "pixyz_scheduler.engine.pixyz"):
        sys.modules.pop(name, None)


def test_the_sdk_is_taken_from_the_folder_that_is_named(tmp_path):
    shutil.copytree(STUB / "pxz", tmp_path / "sdk" / "pxz")
    assert find_engine(choice=EngineChoice(sdk=tmp_path / "sdk")).name == "pixyz"


def test_an_sdk_that_cannot_be_imported_is_said_and_not_passed_over(tmp_path):
    (tmp_path / "pxz").mkdir()
    (tmp_path / "pxz" / "__init__.py").write_text("import a_library_that_is_not_there")
    engine = find_engine(choice=EngineChoice(sdk=tmp_path))
    with pytest.raises(EngineMissing, match=r"SDK is here and cannot be imported.*a_library_that_is_not_there"):
        engine.open("a.step")
    assert "a_library_that_is_not_there" in preload(EngineChoice(sdk=tmp_path))[0]


def test_preload_imports_the_sdk(tmp_path):
    shutil.copytree(STUB / "pxz", tmp_path / "sdk" / "pxz")
    assert preload(EngineChoice(sdk=tmp_path / "sdk")) == ()
    assert "pxz" in sys.modules


def test_without_the_sdk_the_open_engine_is_taken(tmp_path):
    assert not has_pxz(tmp_path)
    assert find_engine(choice=EngineChoice(sdk=tmp_path)).name == "open"


def test_what_a_worker_says_by_the_environment_is_what_a_child_reads(tmp_path):
    terms = LicenceTerms(flexlm=True, host="licences", port=2800, at_start=False, timeout=2.5)
    choice = EngineChoice(name="pixyz", disabled=True, sdk=tmp_path, licence=terms)
    assert EngineChoice.from_environment(choice.to_environment()) == choice
    assert EngineChoice.from_environment({}) == EngineChoice()


def test_a_process_asks_its_environment(monkeypatch, tmp_path):
    shutil.copytree(STUB / "pxz", tmp_path / "pxz")
    monkeypatch.setenv("PIXYZ_PYTHON_PATH", str(tmp_path))
    assert find_engine().name == "pixyz"
    monkeypatch.setenv("ENGINE", "open")
    assert find_engine().name == "open"
    monkeypatch.setenv("ENGINE", "none")
    assert find_engine().name == "absent"


def test_an_sdk_that_must_be_there_and_is_not_is_said(tmp_path):
    with pytest.raises(EngineMissing, match=r"ENGINE=pixyz, and the Pixyz SDK is not in .*PIXYZ_PYTHON_PATH"):
        find_engine(choice=EngineChoice(name="pixyz", sdk=tmp_path)).open("a.step")


def test_a_disabled_engine_says_so():
    with pytest.raises(EngineMissing, match=r"a\.step cannot be read.*DISABLE_PIXYZ"):
        find_engine(choice=EngineChoice(disabled=True)).open("a.step")


def test_without_numpy_and_trimesh_there_is_no_engine_and_the_command_is_said(monkeypatch):
    monkeypatch.setattr("pixyz_scheduler.engine.choice.find_spec", lambda _name: None)
    monkeypatch.setattr("pixyz_scheduler.engine.open.installed.find_spec", lambda _name: None)
    engine = find_engine()
    assert engine.name == "absent"
    with pytest.raises(EngineMissing, match=r"pip install \"pixyz-scheduler\[open-engine\]\""):
        engine.metadata("a.glb")


@pytest.mark.parametrize(
    "call",
    [
        lambda engine: engine.convert("a.step", "b.glb"),
        lambda engine: engine.metadata("a.step"),
        lambda engine: engine.thumbnails("a.step", "out"),
        lambda engine: engine.decimate(None, ratio=0.5),
    ],
)
def test_an_absent_engine_refuses_each_call(call):
    with pytest.raises(EngineMissing, match="no 3D engine here"):
        call(AbsentEngine("a reason"))


def test_an_absent_engine_has_no_formats():
    assert AbsentEngine("a reason").formats().to_json() == {"reads": [], "writes": [], "missing": {}}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ConvertOptions(ratio=0), "ratio must be over 0"),
        (lambda: ConvertOptions(ratio=1.5), "at most 1"),
        (lambda: ConvertOptions(triangles=0), "at least 1"),
        (lambda: ThumbnailOptions(width=0), "1 to 8192"),
        (lambda: ThumbnailOptions(views=()), "not none"),
        (lambda: ThumbnailOptions(views=("top",)), "not top"),
        (lambda: ThumbnailOptions(preview_triangles=0), "at least 1"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_options_have_defaults():
    assert ReadOptions() == ReadOptions(quality="medium", repair=False, root_file=None)
