"""scripts/bench: what it prints and keeps; never how long anything took."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments):
    command = [sys.executable, ROOT / "scripts" / "bench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_quick_run_has_figures_beside_their_floors_and_its_file_can_be_compared(tmp_path):
    file = tmp_path / "a.json"
    ran = bench("first_line", "--quick", "--json", file)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    values = json.loads(file.read_text())
    assert {"machine", "date", "commit", "python", "packages", "load"} <= set(values["facts"])
    figures = {figure["name"]: figure for figure in values["figures"]}
    assert {"floor.celery", "floor.fork", "floor.redis", "first_line.post", "first_line.success"} <= set(figures)
    assert all(figure["samples"] and figure["excludes"] for figure in figures.values())
    assert figures["first_line.post"]["floor"] == "floor.celery"
    assert figures["first_line.post"]["title"] in ran.stdout

    same = bench("--compare", file, file)
    assert same.returncode == 0, same.stdout + same.stderr
    worse = dict(values, figures=[_slower(figure) for figure in values["figures"]])
    (tmp_path / "b.json").write_text(json.dumps(worse))
    told = bench("--compare", file, tmp_path / "b.json")
    assert told.returncode == 1
    assert "REGRESSION" in told.stdout


def _slower(figure):
    ours = not figure["name"].startswith("floor.")
    return {**figure, "samples": [sample * (2 if ours else 1) for sample in figure["samples"]]}


def test_an_unknown_group_is_named_with_those_there_are():
    refused = bench("nonsense")
    assert refused.returncode == 2
    assert "no group is called nonsense" in refused.stderr
    assert "first_line" in refused.stderr
