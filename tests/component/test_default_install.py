"""The default install, with no extra: only what pyproject.toml asks for can be imported, and jobs still run."""

import importlib.metadata
import os
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")

ROOT = Path(__file__).resolve().parents[2]


def needed(requirements):
    """The names of all distributions that pip would install here for these requirements."""
    found = set()
    waiting = [(Requirement(text), "") for text in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in found:
                found.add((name, wanted))
                waiting += [(Requirement(text), wanted) for text in importlib.metadata.requires(name) or ()]
    return {name for name, _ in found}


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A Python to which nothing is installed but the default dependencies: links to those of ours."""
    folder = tmp_path_factory.mktemp("default") / "venv"
    venv.create(folder, symlinks=True, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name in needed(project["dependencies"]):
        distribution = importlib.metadata.distribution(name)
        for entry in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            (packages / entry).symlink_to(distribution.locate_file(entry))
    return folder / "bin" / "python"


@pytest.fixture
def run(python, tmp_path):
    def run(*arguments):
        return subprocess.run(
            [python, "-m", "pixyz_scheduler", "run", *arguments],
            env={"PATH": os.defpath, "PYTHONPATH": str(ROOT / "src"), "HOME": str(tmp_path)},
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_the_default_install_runs_a_job_on_a_store_of_its_own(run):
    done = run("sleep", "-p", '{"sleep": 0.01}')
    assert done.returncode == 0, done.stderr
    assert '"sleep": 0.01' in done.stdout


def test_the_default_install_says_how_to_get_the_engine(run):
    done = run("convert_file", str(ROOT / "samples" / "box.stl"))
    assert done.returncode != 0
    assert 'pip install "pixyz-scheduler[engine]"' in done.stderr + done.stdout
