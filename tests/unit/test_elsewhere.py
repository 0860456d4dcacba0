"""Whether what is not Linux could load us at all: every module, in an interpreter that lacks what that system lacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
# The SDK itself is not here; the tests have a stand-in.
PATHS = (ROOT / "src", ROOT / "tests" / "fakes" / "pxz_stub")
LOOK = ROOT / "tests" / "fakes" / "look_as_elsewhere.py"
NOT_FOR_ALL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pixyz"]


@pytest.mark.parametrize(
    ("platform", "absent"),
    [
        ("win32", [*NOT_FOR_ALL["linux-only"], *NOT_FOR_ALL["posix-only"]]),
        ("darwin", NOT_FOR_ALL["linux-only"]),
    ],
)
def test_every_module_can_be_imported_on(platform, absent):
    done = subprocess.run(
        [sys.executable, str(LOOK), platform, *absent],
        env={"PYTHONPATH": os.pathsep.join(map(str, PATHS)), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["failed"], said["dragged"], said["without"]) == ({}, [], [])
    assert said["well"] > 250


@pytest.mark.parametrize("name", [*NOT_FOR_ALL["linux-only"], *NOT_FOR_ALL["posix-only"]])
def test_what_is_not_for_all_is_there(name):
    assert (ROOT / "src" / f"{name.replace('.', '/')}.py").is_file()
