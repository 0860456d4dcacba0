"""The lock files are in step with pyproject.toml and with each other, and scripts/check says where they are not."""

import importlib.util
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from packaging.markers import Marker, default_environment

from tests.fakes.linked_python import needed

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location("locks", ROOT / "scripts" / "locks.py")
locks = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(locks)

WORKER = "requirements/worker.lock"


@pytest.fixture
def tree(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def change(path, pattern, by):
    before = path.read_text(encoding="utf-8")
    after = re.sub(pattern, by, before, count=1)
    assert after != before
    path.write_text(after, encoding="utf-8")


def test_they_are_in_step_here():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "locks.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_dependency_that_was_changed_by_hand_is_told_of_each_file(tree):
    change(tree / "pyproject.toml", "httpx>=0.28", "httpx>=0.29")
    assert list(locks.drift(tree)) == [f"{name} is of another pyproject.toml" for name in (locks.MAIN, *locks.SETS)]


def test_what_asks_for_no_package_may_change(tree):
    change(tree / "pyproject.toml", "line-length = 120", "line-length = 100")
    assert list(locks.drift(tree)) == []


@pytest.mark.parametrize(
    ("pattern", "by", "says"),
    [
        (r"celery==\S+", "celery==5.7.9", f"{WORKER} has celery==5.7.9, which requirements.lock has not"),
        (r"celery==(\S+) \\\n( +--hash=\S+( \\)?\n)+", r"celery==\1\n", f"{WORKER} has no hash of celery=="),
    ],
)
def test_a_lock_of_an_image_that_was_edited_is_told(tree, pattern, by, says):
    change(tree / WORKER, pattern, by)
    (said,) = locks.drift(tree)
    assert said.startswith(says)


def test_one_that_is_missing_and_one_too_many_are_told(tree):
    (tree / WORKER).rename(tree / "requirements" / "workers.lock")
    assert list(locks.drift(tree)) == [f"{WORKER} is not there", "requirements/workers.lock is none of ours"]


def pins(name, environment):
    """Package -> its versions in this environment."""
    found = {}
    for line in (ROOT / name).read_text(encoding="utf-8").replace("\\\n", "").splitlines():
        match = re.match(r"([a-z0-9-]+)==([^ ;]+)(?: ; (.*?))?(?: +--hash|$)", line)
        if match and (match[3] is None or Marker(match[3]).evaluate(environment)):
            found.setdefault(match[1], []).append(match[2])
    return found


@pytest.mark.parametrize("name", sorted(set(locks.SETS) - {"requirements/build.lock"}))
def test_a_lock_holds_what_is_needed_here_and_nothing_else(name):
    options = locks.SETS[name]
    extras = ",".join(options[1::2])
    assert set(pins(name, default_environment())) == needed(f"pixyz-scheduler[{extras}]")


@pytest.mark.parametrize("name", [locks.MAIN, *locks.SETS])
def test_one_version_of_each_package_is_chosen_wherever_it_is_installed(name):
    systems = [("linux", "x86_64", "Linux"), ("linux", "aarch64", "Linux"), ("darwin", "arm64", "Darwin")]
    systems.append(("win32", "AMD64", "Windows"))
    for minor, (platform, machine, system) in product(range(10, 14), systems):
        environment = {
            **default_environment(),
            "python_version": f"3.{minor}",
            "python_full_version": f"3.{minor}.9",
            "sys_platform": platform,
            "platform_machine": machine,
            "platform_system": system,
        }
        chosen = pins(name, environment)
        assert chosen
        assert {package: versions for package, versions in chosen.items() if len(versions) > 1} == {}


@pytest.mark.parametrize("name", [locks.MAIN, *locks.SETS])
def test_a_lock_names_no_host(name):
    assert "//" not in (ROOT / name).read_text(encoding="utf-8")
