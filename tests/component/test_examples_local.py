"""The examples run as `python examples/x.py`, with nothing else running."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import pixyz_worker

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(pixyz_worker.__file__).parents[1])}


def example(name, *options, folder):
    command = [sys.executable, str(ROOT / "examples" / name), *options]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)


def test_hello(tmp_path):
    ended = example("hello.py", "-p", '{"name": "Ada"}', folder=tmp_path)
    assert (ended.returncode, json.loads(ended.stdout)) == (0, {"message": "Hello, Ada!"})


def test_progress(tmp_path):
    ended = example("progress.py", "-p", '{"steps": 2, "seconds": 0}', folder=tmp_path)
    assert json.loads(ended.stdout) == {"steps": 2}
    assert ended.stderr.splitlines() == [
        "[1/2] Step 1 of 2",
        'output: {"done": 1}',
        "[2/2] Step 2 of 2",
        'output: {"done": 2}',
    ]


needs_engine = pytest.mark.skipif(
    find_spec("pixyz_scheduler.engine") is None or find_spec("trimesh") is None,
    reason='the open engine is not installed: pip install "pixyz-scheduler[engine]"',
)

TETRAHEDRON = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 3 1 4\n"


@needs_engine
def test_convert(tmp_path):
    (tmp_path / "a.obj").write_text(TETRAHEDRON)
    ended = example("convert.py", "-i", "a.obj", "-o", "out", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["polygon_count"] == 4
    assert (tmp_path / "out" / "a.glb").read_bytes()[:4] == b"glTF"


@needs_engine
def test_convert_without_a_file_says_so(tmp_path):
    ended = example("convert.py", folder=tmp_path)
    assert ended.returncode == 1
    assert "Send a 3D file along" in ended.stderr
