"""scripts/: what setup says where it cannot go on, and that what is generated is as the code says."""

import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path):
    """A checkout in which nothing is installed yet."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts")
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def setup(checkout: Path, python: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "scripts" / "setup"],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "PYTHON": python},
    )


def fake_python(checkout: Path, *, fits: bool) -> str:
    """A Python that is too old, or one without ensurepip, as Debian ships it."""
    program = checkout / "python"
    program.write_text(
        f"""#!/bin/sh
case "$2" in
    *ensurepip*) exit 1 ;;
    *print*) echo 3.12 ;;
    *) exit {0 if fits else 1} ;;
esac
"""
    )
    program.chmod(0o755)
    return str(program)


def test_setup_tells_that_python_is_missing(checkout):
    done = setup(checkout, "/nowhere/python")
    assert done.returncode == 1
    assert done.stderr.startswith("setup: no Python of 3.10 or later found at PYTHON=/nowhere/python. On Debian")


def test_setup_tells_that_python_is_too_old(checkout):
    assert "no Python of 3.10 or later found" in setup(checkout, fake_python(checkout, fits=False)).stderr


def test_setup_names_the_package_that_brings_ensurepip(checkout):
    done = setup(checkout, fake_python(checkout, fits=True))
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("sudo apt install python3.12-venv")


def test_setup_leaves_a_folder_that_is_no_virtual_environment_alone(checkout):
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "mine").touch()
    done = setup(checkout, sys.executable)
    assert done.returncode == 1
    assert ".venv is there, but is no virtual environment" in done.stderr
    assert (checkout / ".venv" / "mine").exists()


def dependencies() -> list[Requirement]:
    """All that pyproject.toml asks for by name."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = whole["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values(), *whole["dependency-groups"].values()]
    # What is no text includes another of these groups.
    asked = [Requirement(one) for one in itertools.chain(*lists) if isinstance(one, str)]
    return [one for one in asked if one.name != project["name"]]


def test_the_lock_file_holds_what_pyproject_asks_for():
    locked: dict[str, list[str]] = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if not line.startswith("#"):
            one = Requirement(line)
            locked.setdefault(canonicalize_name(one.name), []).extend(spec.version for spec in one.specifier)
    not_locked = {
        str(one)
        for one in dependencies()
        if one.name != "f3d"  # its extra, `render`, is not in `full`
        and not any(one.specifier.contains(version) for version in locked.get(canonicalize_name(one.name), []))
    }
    assert not_locked == set(), "run scripts/lock"


def test_every_dependency_has_its_reason():
    reasons = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text()
    words = set(re.findall(r"[\w-]+", reasons))
    assert {one.name for one in dependencies()} - words == set()


def test_the_lock_file_names_no_place_to_download_from():
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert "--" not in text


def test_the_lock_file_leaves_out_what_old_pythons_cannot_have():
    (line,) = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if "ocp-novtk" in line]
    assert line.endswith("; python_full_version >= '3.11'")


def test_what_is_made_from_the_code_is_as_it_says():
    done = subprocess.run(
        [sys.executable, "-m", "scripts.made", "--check"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert (done.returncode, done.stderr) == (0, "")
