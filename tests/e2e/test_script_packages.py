"""A script that names its packages, from the command line to its result."""

import json
import os
import subprocess
import sys

from tests.e2e.conftest import ROOT
from tests.fakes.wheels import wheel

SCRIPT = """
# /// script
# dependencies = ["pixyz-scheduler", "greeting"]
# ///
from pixyz_worker.script import *
import greeting

@pixyz_schedule(queue="cpu")
def main(pc: ProgramContext, params):
    pc.progress_set_total(1)
    pc.progress_next("Greeting")
    with open(pc.get_output_dir("word.txt"), "w") as file:
        file.write(greeting.WORD)
    return {"word": greeting.WORD}
"""


def test_run_prepares_the_packages_of_a_script_where_that_is_allowed(tmp_path):
    wheel(tmp_path, "greeting", "1.0", "WORD = 'hello'\n")
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "SCRIPT_DEPENDENCIES": "allow",
        "SCRIPT_ENVIRONMENTS": str(tmp_path / "environments"),
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": str(tmp_path),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }
    environment.pop("PIXYZ_URL", None)
    done = subprocess.run(
        [sys.executable, "-m", "pixyz_scheduler", "run", "script.py", "-o", "out"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout[done.stdout.index("{") :]) == {"word": "hello"}
    assert (tmp_path / "out" / "word.txt").read_text() == "hello"
