"""Every GLB and glTF that the engine writes passes the Khronos validator without an error."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pixyz_scheduler.engine.open.engine import OpenEngine
from tests.fakes.engine_files import (
    REPOSITORY,
    sample,
    skip_where_not_written,
    write_assembly_glb,
    write_box_step,
    write_box_stl,
)

ENGINE = OpenEngine(parallel=False)
NODE = REPOSITORY / "build" / "node"
SCRIPT = Path(__file__).parents[1] / "fakes" / "validate_gltf.mjs"


@pytest.fixture(scope="session")
def validator():
    """The folder in which node finds the package."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    if not (NODE / "node_modules" / "gltf-validator").is_dir():
        NODE.mkdir(parents=True, exist_ok=True)
        (NODE / "package.json").write_text('{"private": true}\n')
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "gltf-validator@2.0.0-dev.3.10"],
            cwd=NODE, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"gltf-validator cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
    return NODE


def errors(validator, *paths):
    done = subprocess.run(
        ["node", SCRIPT, *paths], cwd=validator, capture_output=True, text=True, timeout=120, check=True
    )
    return [error for line in done.stdout.splitlines() for error in json.loads(line)["errors"]]


SAMPLES = (
    "screw.step", "frame.step", "spider.obj", "spider.stl", "wuson.ply", "box.3mf",
    "cubes_with_names.fbx", "animation_with_skeleton.fbx", "2CylinderEngine.glb",
)  # fmt: skip


def test_glb_and_gltf_of_every_sample_are_valid(tmp_path, validator):
    made = []
    for name in SAMPLES:
        scene = ENGINE.open(sample(name))
        for target in ("glb", "gltf"):
            made.append(tmp_path / f"{name}.{target}")
            ENGINE.convert(scene, made[-1])
    assert errors(validator, *made) == []


@pytest.mark.parametrize("middle", ["usda", "usdz", "obj", "ply", "off", "3mf", "step", "dae", "fbx", "stl"])
def test_glb_from_what_the_engine_wrote_is_valid(tmp_path, validator, middle):
    skip_where_not_written(middle)
    if middle == "step":
        source = write_box_step(tmp_path / "a.step")
    elif middle == "stl":
        source = write_box_stl(tmp_path / "a.stl")
    else:
        source = tmp_path / f"a.{middle}"
        ENGINE.convert(write_assembly_glb(tmp_path / "source.glb"), source)
    ENGINE.convert(source, tmp_path / "back.glb")
    assert errors(validator, tmp_path / "back.glb") == []


def test_glb_of_edited_triangles_is_valid(tmp_path, validator):
    scene = ENGINE.open(sample("2CylinderEngine.glb"))
    edited = scene.edited(scene.tree.copy())
    ENGINE.convert(edited, tmp_path / "edited.glb")
    assert errors(validator, tmp_path / "edited.glb") == []
