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


@pytest.mark.parametrize(
    ("name", "params", "result"),
    [
        ("sleep", {"seconds": 0}, {"seconds": 0}),
        ("chain", {"number": 4}, {"number": 8}),
        ("group", {}, [1, 4, 9]),
        ("chord_sync", {}, {"words": 6}),
        ("workflow", {}, {"words": 4, "text": "THE QUICK BROWN FOX"}),
    ],
)
def test_sub_tasks_run_in_place(tmp_path, name, params, result):
    ended = example(f"{name}.py", "-p", json.dumps(params), folder=tmp_path)
    assert (ended.returncode, json.loads(ended.stdout)) == (0, result), ended.stderr
    assert (tmp_path / "chain-outputs" / "number.txt").exists() == (name == "chain")


def test_a_chord_that_nobody_waits_for_tells_its_ids(tmp_path):
    (total, ((_, nobody), squares)), nothing = json.loads(example("chord_async.py", folder=tmp_path).stdout)
    assert (len(total), len(squares), nobody, nothing) == (36, 3, None, None)


def test_from_cpu_to_gpu_on_one_machine(tmp_path):
    result = json.loads(example("cpu_to_gpu_chain.py", "-p", '{"name": "cone"}', folder=tmp_path).stdout)
    assert (result["name"], result["prepared_on"]) == ("cone", result["drawn_on"])


needs_engine = pytest.mark.skipif(
    find_spec("pixyz_scheduler.engine") is None or find_spec("trimesh") is None,
    reason='the open engine is not installed: pip install "pixyz-scheduler[open-engine]"',
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


@needs_engine
def test_parallel_parts_merged(tmp_path):
    (tmp_path / "parts").mkdir()
    for name in ("a.obj", "b.obj"):
        (tmp_path / "parts" / name).write_text(TETRAHEDRON)
    ended = example("parallel_parts_merged.py", "-i", "parts", "-o", "out", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {"output": "assembly.glb", "parts": 2, "triangles": 8}
    assert (tmp_path / "out" / "assembly.glb").read_bytes()[:4] == b"glTF"


def test_parallel_parts_without_parts_says_so(tmp_path):
    (tmp_path / "parts").mkdir()
    ended = example("parallel_parts_merged.py", "-i", "parts", folder=tmp_path)
    assert ended.returncode == 1
    assert "There is no 3D file in" in ended.stderr


def test_every_example_is_in_the_table_and_in_both_tests():
    names = {path.stem for path in (ROOT / "examples").glob("*.py")}
    table = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")} == {f"{n}.py" for n in names}
    there = (ROOT / "tests" / "e2e" / "test_examples.py").read_text(encoding="utf-8")
    assert names == {line.split("(")[0][9:] for line in there.splitlines() if line.startswith("def test_")}
