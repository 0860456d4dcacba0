"""A debugger in a local run, on a real terminal; `run --local` as a process."""

import json
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.component.test_local_run import ENVIRONMENT

SCRIPT = """
from pixyz_worker.script import *
import beside

def main(pc, params):
    found = params["n"] + beside.ONE
    if params.get("stop"):
        breakpoint()
    with open(pc.get_output_dir("out.txt"), "w") as file:
        file.write("x")
    return {"found": found, "input": pc.get_input_file(), "local": pc.is_local()}

def fail(pc, params):
    raise ValueError("wrong by intent")

if __name__ == "__main__":
    LocalPixyzTask.from_commandline(__file__, os.getcwd(), "main", params={"n": 1}, input_file=None)
"""


@pytest.fixture
def script(tmp_path):
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "beside.py").write_text("ONE = 1\n")
    (folder / "job.py").write_text(SCRIPT)
    return folder / "job.py"


@pytest.fixture
def here(script, tmp_path):
    """`run --local`, in another folder than the script's."""

    def call(*options, what=str(script)):
        return subprocess.run(
            [sys.executable, "-m", "pixyz_scheduler", "run", what, "--local", *options],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return call


@pytest.mark.parametrize(
    "command",
    [
        ["JOB", "-p", '{"n": 41, "stop": true}'],
        ["-m", "pixyz_scheduler", "run", "JOB", "--local", "-p", '{"n": 41, "stop": true}'],
    ],
    ids=["python script.py", "run --local"],
)
def test_a_breakpoint_stops_and_goes_on_on_the_terminal(script, tmp_path, command):
    arguments = [str(script) if word == "JOB" else word for word in command]
    terminal = pexpect.spawn(
        sys.executable, arguments, cwd=str(tmp_path), env=dict(ENVIRONMENT), encoding="utf-8", timeout=60
    )
    terminal.expect_exact("(Pdb)")
    terminal.sendline("p found * 10")
    terminal.expect_exact("420")
    terminal.sendline("found = 7")
    terminal.expect_exact("(Pdb)")
    terminal.sendline("c")
    terminal.expect_exact('"found": 7')
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_leaving_the_debugger_ends_the_run_without_a_traceback_of_the_debugger(script, tmp_path):
    arguments = [str(script), "-p", '{"n": 1, "stop": true}']
    terminal = pexpect.spawn(
        sys.executable, arguments, cwd=str(tmp_path), env=dict(ENVIRONMENT), encoding="utf-8", timeout=60
    )
    terminal.expect_exact("(Pdb)")
    terminal.sendline("q")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 1
    assert "Traceback" not in terminal.before


def test_run_local_takes_input_params_entry_point_and_output(here, tmp_path):
    (tmp_path / "part.stl").write_text("solid")
    done = here("-p", '{"n": 2}', "-i", "part.stl", "-e", "main", "-o", "made")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result == {"found": 3, "input": str(tmp_path / "part.stl"), "local": True}
    assert (tmp_path / "made" / "out.txt").read_text() == "x"
    assert "outputs: made" in done.stderr


def test_run_local_without_an_output_makes_a_folder_beside_where_we_are(here, tmp_path):
    assert here("-p", '{"n": 2}').returncode == 0
    assert (tmp_path / "job-outputs" / "out.txt").exists()


def test_run_local_shows_the_users_own_traceback_and_says_failure_to_the_shell(here):
    done = here("-e", "fail", "-p", '{"n": 1}')
    assert done.returncode == 10
    assert 'job.py", line 14, in fail' in done.stderr
    assert done.stderr.rstrip().endswith("ValueError: wrong by intent")
    assert "pixyz_scheduler" not in done.stderr


def test_run_local_runs_a_process_by_its_name(here):
    done = here("-p", "{}", what="api_test")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


def test_an_empty_folder_that_was_there_before_stays(here, script, tmp_path):
    script.write_text("def main(pc, params):\n    return 1\n")
    (tmp_path / "made").mkdir()
    assert here("-o", "made").returncode == 0
    assert (tmp_path / "made").is_dir()
    assert here("-o", "other").returncode == 0
    assert not (tmp_path / "other").exists()


def test_a_local_run_has_the_sdks_session_and_goes_on_without_a_licence(script, tmp_path):
    script.write_text(SCRIPT.replace('"found": found', '"found": [call[0] for call in __import__("pxz").calls]'))
    stub = Path(__file__).parents[1] / "fakes" / "pxz_stub"
    environment = {**ENVIRONMENT, "PIXYZ_PYTHON_PATH": str(stub)}
    done = [
        subprocess.run(
            [sys.executable, str(script), "-p", '{"n": 1}'],
            cwd=tmp_path,
            env={**environment, "PXZ_STUB_LICENCE": licence},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        for licence in ("node", "none")
    ]
    assert [json.loads(each.stdout)["found"] for each in done] == [["initialize", "core.checkLicense"]] * 2
    assert "Warning" not in done[0].stderr
    assert "Warning: The Pixyz SDK has no licence on this machine" in done[1].stderr
