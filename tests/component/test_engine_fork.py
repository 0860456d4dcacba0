"""The whole engine is imported in one process and used in its forked children: none may hang."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.engine_files import REPOSITORY, sample, write_assembly_glb, write_box_step

pytestmark = pytest.mark.forks("its children are forked")

TEMPLATE = Path(__file__).parents[1] / "fakes" / "engine_template.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_ten_children_of_one_template_use_every_library(tmp_path):
    step = write_box_step(tmp_path / "box.step")
    mesh = write_assembly_glb(tmp_path / "mesh.glb")
    done = subprocess.run(
        [sys.executable, TEMPLATE, step, sample("cubes_with_names.fbx"), mesh, tmp_path, "10"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}, capture_output=True, text=True,
        timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["ends"] == [0] * 10, done.stderr
    assert report["threads"] == 1


@pytest.mark.parametrize("forbidden", ["numpy", "trimesh", "OCP", "pxr"])
def test_the_protocol_and_the_choice_of_engine_load_no_heavy_library(forbidden):
    code = (
        "import sys, pixyz_scheduler.engine.base, pixyz_scheduler.engine.select, pixyz_scheduler.engine.absent\n"
        f"sys.exit({forbidden!r} in sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == 0
