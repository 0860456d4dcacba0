import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("OCP.TDocStd", exc_type=ImportError)

from pixyz_scheduler.engine.open.engine import OpenEngine

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def engine():
    return OpenEngine(parallel=False)


def test_the_gear_box_has_its_parts_names_and_colours(engine):
    scene = engine.open(SAMPLES / "gearbox.step")
    metadata = engine.metadata(scene)
    assert metadata.part_count == 28
    assert metadata.material_count == 10
    assert metadata.watertight
    nodes = " ".join(map(str, scene.tree.graph.nodes))
    for name in ("GearBox", "Casing", "Housing", "Cover", "Input shaft", "Pinion 17", "Wheel 37", "Bolt 8"):
        assert name in nodes, name


def test_bolts_and_bearings_are_instances_of_one_part():
    text = (SAMPLES / "gearbox.step").read_text(encoding="ascii")
    assert text.count("PRODUCT('Bolt M8x25'") == 1
    assert text.count("PRODUCT('Bearing 20x40x12'") == 1
    assert text.count("NEXT_ASSEMBLY_USAGE_OCCURRENCE(") == 34


def test_the_box_has_the_size_that_its_readme_says(engine):
    metadata = engine.metadata(SAMPLES / "box.step")
    assert metadata.aabb.min == pytest.approx((0, 0, 0), abs=1e-6)
    assert metadata.aabb.max == pytest.approx((10, 20, 30), abs=1e-6)
    assert (metadata.unit, metadata.up, metadata.brep_body_count, metadata.brep_face_count) == ("millimetre", "Z", 1, 7)


@pytest.mark.parametrize("name", ["gearbox", "box"])
def test_the_glb_is_made_of_the_step(engine, name):
    step, glb = engine.metadata(SAMPLES / f"{name}.step"), engine.metadata(SAMPLES / f"{name}.glb")
    assert glb.part_count == step.part_count
    assert glb.polygon_count == pytest.approx(step.polygon_count, rel=0.02)
    assert sorted(glb.size) == pytest.approx(sorted(step.size), abs=1e-5)


def test_a_load_case_has_the_parts_asked_for(engine, tmp_path):
    out = tmp_path / "load.step"
    command = [sys.executable, str(SAMPLES / "make_samples.py"), "--parts", "7", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
    assert done.returncode == 0, done.stderr
    assert engine.metadata(out).part_count == 7


def test_a_load_case_of_no_parts_is_refused():
    command = [sys.executable, str(SAMPLES / "make_samples.py"), "--parts", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
    assert done.returncode == 2
    assert "--parts must be at least 1" in done.stderr


def _environment():

    return {**os.environ, "PYTHONPATH": str(SAMPLES.parent / "src")}
