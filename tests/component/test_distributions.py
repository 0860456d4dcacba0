"""The wheel and the sdist: the same bytes from the same files, with what belongs in them and true words about it."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from datetime import datetime, timezone
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from trove_classifiers import classifiers

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("src", "processes", "samples", "README.md", "LICENSE", "pyproject.toml", ".gitignore")
LONG_AGO = 1_000_000_000.0


def build(source, into, *options, **environment):
    """Build with the locked hatchling, as scripts/build does; the files by their endings."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", into, *options, source],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        umask=int(environment.get("UMASK", "022"), 8),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.suffix: path for path in into.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel and the sdist, each of the tree itself."""
    return build(ROOT, tmp_path_factory.mktemp("built"), "--wheel", "--sdist")


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(built[".whl"]) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel):
    return Metadata.from_email(wheel.read("pixyz_scheduler-0.1.0.dist-info/METADATA"), validate=True)


@pytest.fixture
def elsewhere(tmp_path):
    """The same files in another folder, of other times, with what Python and editors leave beside them."""
    folder = tmp_path / "another place"
    folder.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    for name in ("processes", "src/pixyz_worker"):
        (folder / name / "__pycache__").mkdir(exist_ok=True)
        (folder / name / "__pycache__" / "old.cpython-310.pyc").write_bytes(b"old")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_it.py").write_text("")
    for path in folder.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return folder


@pytest.mark.parametrize("epoch", [None, "1700000000"])
def test_two_builds_in_two_folders_at_two_times_give_the_same_bytes(built, elsewhere, tmp_path, epoch):
    given = {} if epoch is None else {"SOURCE_DATE_EPOCH": epoch}
    first = built if epoch is None else build(ROOT, tmp_path / "first", "--wheel", "--sdist", **given)
    # The wheel is of the sdist here, and of the tree there.
    second = build(
        elsewhere, tmp_path / "second", TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="7", UMASK="077", **given
    )
    assert sorted(first) == sorted(second) == [".gz", ".whl"]
    for kind in first:
        assert first[kind].name == second[kind].name
        assert first[kind].read_bytes() == second[kind].read_bytes(), kind


def test_the_date_inside_is_the_one_that_is_asked_for(tmp_path):
    files = build(ROOT, tmp_path / "out", "--wheel", "--sdist", SOURCE_DATE_EPOCH="1700000000")
    asked = datetime.fromtimestamp(1700000000, timezone.utc)
    with zipfile.ZipFile(files[".whl"]) as archive:
        assert {info.date_time for info in archive.infolist()} == {asked.timetuple()[:6]}
    with tarfile.open(files[".gz"]) as archive:
        assert {member.mtime for member in archive} == {1700000000}


def under(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_the_wheel_holds_the_packages_the_processes_and_what_is_said_about_them(wheel):
    names = set(wheel.namelist())
    about = {name for name in names if ".dist-info/" in name}
    assert {name.partition("/")[2] for name in about} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }
    sources = {path.as_posix() for path in under(ROOT / "src")}
    processes = {f"pixyz_scheduler/process/{path.as_posix()}" for path in under(ROOT / "processes")}
    assert names - about == sources | processes
    assert {Path(name).suffix for name in names - about} == {".py", ".lua", ".typed"}
    assert {"pixyz_scheduler/py.typed", "pixyz_worker/py.typed", "pixyz_scheduler/process/convert_file.py"} <= names
    assert wheel.testzip() is None


def test_the_sdist_holds_what_a_build_needs_and_the_samples(built):
    with tarfile.open(built[".gz"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tops = {name.partition("/")[0] for name in names}
    assert tops == {*SOURCES, "PKG-INFO"}
    assert "samples/gearbox.step" in names
    assert not [name for name in names if name.endswith(".pyc")]


def test_what_is_said_about_it_is_valid_and_true(metadata):
    assert (metadata.name, str(metadata.version)) == ("pixyz-scheduler", "0.1.0")
    assert str(metadata.requires_python) == ">=3.10"
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.description_content_type == "text/markdown"
    assert not metadata.project_urls  # there is none to be had yet
    assert set(metadata.classifiers) <= classifiers
    assert not [each for each in metadata.classifiers if each.startswith("License ::")]  # not beside an expression
    assert {each.rpartition(" ")[2] for each in metadata.classifiers if "Python :: 3." in each} == {
        f"3.{minor}" for minor in range(10, 14)
    }


def test_every_extra_stands_in_the_guide_and_only_those(metadata):
    guide = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    table = guide.partition("## What the extras hold")[2]
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == sorted(metadata.provides_extra)
    for named in re.findall(r"pixyz-scheduler\[([\w,-]+)\]", guide):
        assert set(named.split(",")) <= set(metadata.provides_extra), named


def test_all_brings_what_every_other_extra_brings_but_the_renderer(metadata):
    def brought(extra):
        return {
            (each.name, str(each.specifier))
            for each in metadata.requires_dist
            if each.marker is not None and f'extra == "{extra}"' in str(each.marker)
        }

    for extra in set(metadata.provides_extra) - {"render"}:
        assert brought(extra), extra
        assert brought(extra) <= brought("all"), extra
    assert brought("engine") < brought("open-engine") < brought("full") < brought("all")
    assert not brought("farm") - brought("worker")
    assert not brought("farm") - brought("server")
    assert not brought("render") & brought("all")
