"""`python script.py` with nothing running: results, options, errors and exit statuses, in real processes."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from textwrap import dedent

import pytest

import pixyz_worker

# The folder the package is in, whether it is installed or stands in a source tree.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(pixyz_worker.__file__).parents[1])}

SCRIPT = """
from pixyz_worker.script import *


def main(pc: ProgramContext, params: dict):
    pc.progress_set_total(2)
    pc.progress_next("First")
    pc.progress_next("Second")
    pc.progress_output({"so": "far"})
    if "write" in params:
        with open(pc.get_output_dir(params["write"]), "w") as file:
            file.write("x")
    return {"params": params, "input": pc.get_input_file(), "local": pc.is_local()}


def fail(pc):
    raise ValueError("wrong by intent")


def leave(pc):
    sys.exit(3)


def unfit():
    return {"a": object()}


def sub_task(pc):
    return pc.clone(entrypoint="square").execute({"n": 7}).get()


def square(pc, params):
    return params["n"] ** 2


if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={"default": 1}, input_file=None)
"""


@pytest.fixture
def local(tmp_path):
    script = tmp_path / "job.py"
    script.write_text(dedent(SCRIPT))

    def run(*options):
        return subprocess.run(
            [sys.executable, str(script), *options],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_result_is_on_stdout_and_the_progress_on_stderr(local, tmp_path):
    ended = local()
    assert json.loads(ended.stdout) == {"params": {"default": 1}, "input": None, "local": True}
    assert ended.stderr.splitlines() == ["[1/2] First", "[2/2] Second", 'output: {"so": "far"}']
    assert ended.returncode == 0
    assert not (tmp_path / "job-outputs").exists()


def test_options_win(local, tmp_path):
    (tmp_path / "box.step").touch()
    ended = local("-i", "box.step", "-p", '{"write": "deep/a.txt"}', "-o", "made/here")
    result = json.loads(ended.stdout)
    assert result["params"] == {"write": "deep/a.txt"}
    assert result["input"] == str(tmp_path / "box.step")
    assert (tmp_path / "made" / "here" / "deep" / "a.txt").read_text() == "x"
    assert ended.stderr.splitlines()[-1] == f"outputs: {os.path.join('made', 'here')}"  # noqa: PTH118  (as shown)


def test_an_archive_is_unpacked_for_the_run_only(local, tmp_path):
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("parts/a.obj", "v 0 0 0")
    found = Path(json.loads(local("-i", "model.zip").stdout)["input"])
    assert found.name == "a.obj"
    assert not found.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"job.py", "model.zip"}


def test_a_broken_archive_is_said(local, tmp_path):
    (tmp_path / "model.zip").write_bytes(b"PK\x03\x04 and no more")
    ended = local("-i", "model.zip")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "model.zip" in ended.stderr


def test_outputs_have_a_folder_by_default(local, tmp_path):
    local("-p", '{"write": "a.txt"}')
    assert (tmp_path / "job-outputs" / "a.txt").exists()


def test_a_sub_task_runs_in_place_in_the_running_module(local):
    assert json.loads(local("-e", "sub_task").stdout) == 49


@pytest.mark.parametrize(
    ("options", "status", "texts"),
    [
        (["-e", "fail"], 1, ['File "job.py", line 17, in fail', "ValueError: wrong by intent"]),
        (["-e", "leave"], 3, []),
        (["-e", "unfit"], 1, ['result["a"] is of type object']),
        (["-e", "nix"], 1, ["no function 'nix'; it has main, fail, leave, unfit, sub_task, square."]),
        (["-p", "{"], 2, ["not JSON"]),
        (["-i", "nix.step"], 2, ["The input nix.step is not there."]),
    ],
)
def test_a_failure_has_its_status_and_its_reason(local, options, status, texts):
    ended = local(*options)
    assert ended.returncode == status
    assert ended.stdout == ""
    for text in texts:
        assert text in ended.stderr
    assert "pixyz_scheduler" not in ended.stderr


def test_a_debugger_gets_the_exception_itself(tmp_path):
    script = tmp_path / "job.py"
    script.write_text(dedent(SCRIPT))
    traced = "import sys, runpy; sys.settrace(lambda *_: None); sys.argv = ['job.py', '-e', 'fail']; "
    ended = subprocess.run(
        [sys.executable, "-c", f"{traced}runpy.run_path({str(script)!r}, run_name='__main__')"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "from_commandline" in ended.stderr
    assert ended.stderr.rstrip().endswith("ValueError: wrong by intent")


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            'dependencies = ["celery", "nix>=3"]',
            "job.py needs what is not installed here: python -m pip install 'nix>=3'",
        ),
        ('requires-python = ">=3.99"', "job.py asks for Python >=3.99 (requires-python); here it runs on Python 3."),
        ("dependencies = 3", "job.py, line 1: dependencies must be a list of texts."),
    ],
)
def test_a_script_that_needs_what_is_not_here_says_so_before_it_runs(local, tmp_path, block, said):
    script = tmp_path / "job.py"
    script.write_text(f"# /// script\n# {block}\n# ///\n{script.read_text()}")
    ended = local()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(said)


def test_a_script_whose_needs_are_met_runs(local, tmp_path):
    script = tmp_path / "job.py"
    script.write_text(f'# /// script\n# dependencies = ["celery", "pixyz-scheduler"]\n# ///\n{script.read_text()}')
    assert local().returncode == 0
