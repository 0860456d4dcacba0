import ast
import json
from pathlib import Path

import pytest

pytest.importorskip("trimesh")

from pixyz_scheduler.engine.open.engine import OpenEngine
from pixyz_scheduler.errors import CorruptFile, InvalidParams
from tests.fakes.process_file import PROCESSES, load_process
from tests.fakes.recorded_context import RecordedContext

SAMPLES = Path(__file__).parents[2] / "samples"
BOX = SAMPLES / "box.glb"
NAMES = (
    "api_test", "convert_file", "decimate", "generate_metadata", "generate_thumbnails", "sleep", "thumbnail_chained",
)  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a process's main; gives its result and the context it was told its progress to."""

    def run(name, params, source=None):
        module = load_process(name, monkeypatch)
        if hasattr(module, "find_engine"):
            monkeypatch.setattr(module, "find_engine", lambda: OpenEngine(parallel=False))
        pc = RecordedContext(tmp_path, source)
        result = module.main(pc, params)
        assert len(pc.steps) == pc.total, "each step that was announced has begun"
        return json.loads(json.dumps(result)), pc

    return run


def test_the_folder_holds_the_seven_processes():
    assert sorted(path.stem for path in PROCESSES.glob("*.py")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_process_says_what_it_does_takes_and_gives(name):
    tree = ast.parse((PROCESSES / f"{name}.py").read_text(encoding="utf-8"))
    (main,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    text = ast.get_docstring(main)
    for heading in ("Params:", "Example:", "Result:"):
        assert heading in text
    example = text.split("Example:")[1].split("Result:")[0]
    assert isinstance(json.loads(example), dict)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_each_process_runs(name, run, tmp_path):
    if name == "sleep":
        pytest.skip("its example sleeps for ten seconds")
    text = ast.get_docstring(
        next(
            node
            for node in ast.parse((PROCESSES / f"{name}.py").read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef) and node.name == "main"
        )
    )
    params = json.loads(text.split("Example:")[1].split("Result:")[0])
    if "usdz" in str(params):
        pytest.importorskip("pxr")
    result, _ = run(name, params, BOX)
    for output in result.get("outputs", []):
        assert (tmp_path / output).stat().st_size > 0


def test_sleep_gives_its_seconds_and_tells_its_step(run):
    result, pc = run("sleep", {"sleep": 0.01})
    assert result == {"sleep": 0.01}
    assert pc.steps == ["Sleeping for 0.01 seconds"]


def test_sleep_divides_its_time_into_steps(run):
    _, pc = run("sleep", {"sleep": 0.01, "steps": 4})
    assert pc.steps == ["Sleeping for 0.0025 seconds"] * 4


@pytest.mark.parametrize("params", [{}, {"any": ["thing", 1, None]}, None, [1], "text"], ids=repr)
def test_api_test_sends_its_params_back_and_writes_a_file(run, tmp_path, params):
    result, _ = run("api_test", params, BOX)
    assert result == {
        "params": params,
        "input": {"name": "box.glb", "size": BOX.stat().st_size},
        "output": "api_test.json",
    }
    assert json.loads((tmp_path / "api_test.json").read_text(encoding="utf-8")) == result


def test_api_test_needs_no_input(run):
    assert run("api_test", {})[0]["input"] is None


@pytest.mark.parametrize(
    ("params", "outputs"),
    [
        ({}, ["output.glb"]),
        ({"extension": "ply"}, ["output.ply"]),
        ({"extension": ".GLB"}, ["output.glb"]),
        ({"extensions": ["ply", "glb", "ply"]}, ["output.ply", "output.glb"]),
        ({"extensions": "ply"}, ["output.ply"]),
    ],
    ids=repr,
)
def test_convert_file_writes_what_is_asked_for(run, tmp_path, params, outputs):
    result, pc = run("convert_file", params, BOX)
    assert result == {"output": outputs[0], "outputs": outputs, "warnings": []}
    assert pc.steps == ["Opening box.glb", *(f"Writing {output}" for output in outputs)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(outputs)


def test_convert_file_says_what_a_format_cannot_hold(run):
    (warning,) = run("convert_file", {"extension": "stl"}, BOX)[0]["warnings"]
    assert "colour" in warning


@pytest.mark.parametrize(("decimate", "most"), [(0.5, 112), (100, 100)])
def test_convert_file_decimates_by_share_or_by_count(run, tmp_path, decimate, most):
    run("convert_file", {"decimate": decimate}, BOX)
    count = OpenEngine(parallel=False).metadata(tmp_path / "output.glb").polygon_count
    assert 0.8 * most < count <= most


def test_convert_file_names_what_it_does_not_know(run):
    (warning,) = run("convert_file", {"extention": "stl"}, BOX)[0]["warnings"]
    assert warning.startswith("convert_file does not know the parameter 'extention': it is ignored (known: extension,")


def test_generate_metadata_writes_what_it_gives(run, tmp_path):
    result, pc = run("generate_metadata", {}, BOX)
    assert result == json.loads((tmp_path / "metadata.json").read_text(encoding="utf-8"))
    assert result["part_count"] == 1
    assert result["size"] == pytest.approx([0.01, 0.03, 0.02], abs=1e-6)
    assert pc.steps == ["Opening box.glb", "Counting"]


def test_generate_thumbnails_draws_four_views_and_a_preview(run, tmp_path):
    result, _ = run("generate_thumbnails", {"width": 48, "height": 40, "renderer": "soft"}, BOX)
    files = ["iso.png", "preview.glb", "x.png", "y.png", "z.png"]
    assert sorted(result["outputs"]) == sorted(path.name for path in tmp_path.iterdir()) == files
    assert (result["width"], result["height"], result["renderer"]) == (48, 40, "soft")


def test_generate_thumbnails_leaves_the_preview_out_when_told(run, tmp_path):
    result, _ = run("generate_thumbnails", {"width": 16, "height": 16, "views": "iso", "preview": False}, BOX)
    assert result["outputs"] == ["iso.png"] == [path.name for path in tmp_path.iterdir()]


def test_thumbnail_chained_does_it_all_in_one(run, tmp_path):
    result, pc = run("thumbnail_chained", {"width": 16, "height": 16}, BOX)
    assert result["metadata"]["part_count"] == 1
    assert result["thumbnails"]["preview"] == "preview.glb"
    assert sorted(result["outputs"]) == sorted(path.name for path in tmp_path.iterdir())
    assert pc.total == 3


@pytest.mark.parametrize(
    ("params", "most"), [({}, 112), ({"ratio": 0.5, "triangles": 60}, 60), ({"triangles": 90}, 90)], ids=repr
)
def test_decimate_keeps_what_is_asked_for(run, params, most):
    result, _ = run("decimate", params, BOX)
    assert result["output"] == "output.glb"
    assert 0.8 * most < result["triangles"] <= most


WRONG = [
    ("sleep", {"sleep": -1}, "sleep: sleep must be a number at least 0, not -1."),
    ("sleep", {"sleep": "long"}, "sleep: sleep must be a number at least 0, not 'long'."),
    ("sleep", {"steps": 0}, "sleep: steps must be a number at least 1 and at most 1000, not 0."),
    ("sleep", [], "sleep: params must be a JSON object, not []."),
    ("convert_file", {"extension": "catpart"}, "not 'catpart'."),
    ("convert_file", {"extension": "catpart"}, "extension must be one of "),
    ("convert_file", {"extension": 3}, "convert_file: extension must be a text, not 3."),
    ("convert_file", {"extensions": []}, "convert_file: extensions must be a list of texts, not []."),
    ("convert_file", {"decimate": 0}, "convert_file: decimate must be a number over 0, not 0."),
    ("convert_file", {"quality": "best"}, "quality must be one of very_high, high, medium, low, not 'best'."),
    ("convert_file", {"repair": 1}, "convert_file: repair must be true or false, not 1."),
    ("generate_metadata", {"quality": 1}, "quality must be one of very_high, high, medium, low, not 1."),
    ("generate_thumbnails", {"width": 0}, "width must be a number at least 1 and at most 8192, not 0."),
    ("generate_thumbnails", {"height": 9000}, "height must be a number at least 1 and at most 8192, not 9000."),
    ("generate_thumbnails", {"views": ["up"]}, "views must be one or several of iso, x, y, z, not ['up']."),
    ("generate_thumbnails", {"background": "pink"}, "background must be one of transparent, white, not 'pink'."),
    ("generate_thumbnails", {"preview_triangles": 0}, "preview_triangles must be a number at least 1, not 0."),
    ("thumbnail_chained", {"width": 1.5}, "thumbnail_chained: width must be a whole number, not 1.5."),
    ("decimate", {"ratio": 2}, "decimate: ratio must be a number over 0 and at most 1, not 2."),
    ("decimate", {"triangles": 0}, "decimate: triangles must be a number at least 1, not 0."),
    ("decimate", {"extension": "catpart"}, "decimate: extension must be one of "),
]


@pytest.mark.parametrize(("name", "params", "told"), WRONG, ids=[f"{name} {params}" for name, params, _ in WRONG])
def test_bad_params_are_told_with_what_is_allowed(run, tmp_path, name, params, told):
    with pytest.raises(InvalidParams) as raised:
        run(name, params, BOX)
    assert told in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("api_test", "sleep")])
def test_without_an_input_file_a_process_says_how_to_send_one(run, name):
    with pytest.raises(InvalidParams, match=f"{name} needs a 3D file as input: send one"):
        run(name, {})


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("api_test", "sleep")])
def test_a_damaged_file_is_told_by_its_name(run, tmp_path, name):
    damaged = tmp_path / "damaged.glb"
    damaged.write_bytes(BOX.read_bytes()[:200])
    with pytest.raises(CorruptFile, match=r"damaged\.glb"):
        run(name, {}, damaged)
