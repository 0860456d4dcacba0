"""Who pastes the commands of a page, in order, gets what the page says."""

import json
import shutil

import pytest

from pixyz_scheduler.cli.server import free_port
from tests.conftest import missing
from tests.e2e.guide import ROOT, Guide, Reader

STEP = ROOT / "samples" / "box.step"


@pytest.fixture
def reader(stack, tmp_path):
    for program in ("bash", "curl"):
        if shutil.which(program) is None:
            missing(f"{program}, with which the pages' commands are run")
    return Reader.begin(tmp_path, stack.environment)


def test_the_readme_runs(reader):
    guide = Guide("README.md")
    ran = [block for block in guide.blocks if "exec -s" in block]
    # The others have tests of their own: `make demo`, `make test` and `up`.
    assert len(ran) == len(guide.blocks) - 2
    (printed,) = reader.follow(ran)
    shown, _, answer = printed.partition("}\n")
    assert json.loads(shown + "}") == {"message": "Hello, Ada!"}
    assert json.loads(answer)["status"] == "SENT"


def test_the_first_job_runs(reader):
    guide = Guide("docs/tutorials/first-job.md")
    demo, up, convert, fetch, own, curl, look = guide.blocks
    assert ("make demo" in demo, "up" in up) == (True, True)
    guide.saved("hello.py", reader.folder)
    printed = reader.follow([convert, fetch, own, curl, look])
    assert printed[0].startswith("PROCESS") or "convert_file" in printed[0]
    assert (reader.folder / "result.zip").stat().st_size
    assert json.loads(printed[2]) == {"said": "hello"}
    assert json.loads(printed[4])["uuid"] == json.loads(printed[3])["uuid"]
    assert (reader.folder / "hello.txt").read_text() == "Hello, Ada!"


def test_a_script_is_written(reader):
    guide = Guide("docs/how-to/write-a-script.md")
    guide.saved("count.py", reader.folder)
    shutil.copy(STEP, reader.folder / "part.step")
    reader.follow(guide.blocks)
    assert (reader.folder / "out" / "found.txt").read_text().startswith("#1")


def test_workflows_run(reader):
    guide = Guide("docs/how-to/workflows.md")
    guide.saved("shapes.py", reader.folder)
    begun, drawn = guide.blocks
    printed = reader.follow([begun, begun.splitlines()[1].replace("-rw", "-wb"), drawn])
    assert printed[0].split() == ["14", "14"]
    assert all(word in printed[2] for word in ("square", "total", "SUCCESS", "classDef"))
    assert (reader.folder / "graph.svg").read_text().startswith("<svg")


def test_a_folder_is_converted(reader):
    parts = reader.folder / "parts" / "left"
    parts.mkdir(parents=True)
    shutil.copy(STEP, parts / "wheel.step")
    reader.follow(Guide("docs/how-to/convert-a-folder.md").blocks)
    assert [path.name for path in (reader.folder / "out").rglob("*.glb")] == ["wheel.glb"]


@pytest.mark.parametrize("page", ["send-inputs", "do-not-work-twice"])
def test_inputs_are_sent(page, reader):
    for name in ("bracket", "wheel", "plant", "car"):
        shutil.copy(STEP, reader.folder / f"{name}.step")
    for name in ("car.sldasm", "wheel.sldprt", "door.sldprt"):
        (reader.folder / name).write_bytes(b"a part")
    (reader.folder / "merge.py").write_text("def main(pc, params):\n    return params\n")
    shutil.make_archive(str(reader.folder / "car"), "zip", ROOT / "samples")
    printed = reader.follow(Guide(f"docs/how-to/{page}.md").blocks)
    assert [json.loads(answer.splitlines()[-1])["status"] for answer in printed if answer.startswith("{")]


def test_it_is_configured(stack, tmp_path):
    if shutil.which("bash") is None:
        missing("bash, with which the pages' commands are run")
    own = {"API_PORT": str(free_port()), "DATA_PATH": str(tmp_path / "data"), "ENGINE": "none"}
    reader = Reader.begin(tmp_path, {**stack.environment, **own})
    init, look, other = reader.follow(Guide("docs/how-to/configure.md").blocks)
    assert "Your API key:" in init
    assert f"{tmp_path / 'files'} can be written" in look
    assert "error\t" not in look + other
