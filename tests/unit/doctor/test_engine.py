"""What doctor says of the engine and of its licence."""

import pytest

from pixyz_scheduler.doctor.engine import EngineFacts, judge, judge_licence
from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.engine.configured import engine_of
from pixyz_scheduler.settings.settings import Settings

OPEN = EngineChoice(name="open")
MISSING = "OCP cannot be loaded (No module named 'OCP'): no exact CAD. Install it with: pip install x"


@pytest.fixture
def sdk(tmp_path):
    (tmp_path / "pxz").mkdir()
    return tmp_path


def load(tmp_path, **environ):
    (tmp_path / "pixyz-scheduler.conf").touch()
    return Settings.load(environ, tmp_path)


@pytest.mark.parametrize(
    ("facts", "levels", "told"),
    [
        (
            EngineFacts("open", reads=("glb", "step"), writes=("glb",), versions={"trimesh": "5.2"}),
            ["ok"],
            "the open engine (trimesh 5.2), reads 2 formats, writes 1",
        ),
        (EngineFacts("open", missing=(MISSING,)), ["ok", "warning"], "OCP cannot be loaded (No module named 'OCP')"),
        (
            EngineFacts("absent", absent="ENGINE=pixyz, and the Pixyz SDK is not in /opt"),
            ["error"],
            "the Pixyz SDK is not",
        ),
        (
            EngineFacts(trouble="it ended with status -11: bang"),
            ["error"],
            "it cannot be loaded: it ended with status -11",
        ),
    ],
)
def test_the_engine_is_said_with_what_it_lacks(facts, levels, told):
    findings = list(judge(facts, OPEN))
    assert [each.level.value for each in findings] == levels
    assert told in findings[-1].what
    assert all(each.to_do for each in findings if each.level.value != "ok")


def test_a_missing_library_is_told_with_the_command_that_installs_it():
    assert list(judge(EngineFacts("open", missing=(MISSING,)), OPEN))[1].to_do == "pip install x"


def test_the_sdk_is_said_by_its_name(sdk):
    (finding,) = judge(EngineFacts("pixyz", reads=("jt",), writes=("glb",)), EngineChoice(sdk=sdk))
    assert finding.what == "the Pixyz SDK, reads 1 formats, writes 1"


@pytest.mark.parametrize(
    ("environ", "trouble", "level", "told"),
    [
        ({"ENGINE": "open"}, None, "ok", "none is needed"),
        ({}, None, "error", "LICENSE_HOST is not set"),
        ({"LICENSE_HOST": "license.example.com"}, None, "error", "LICENSE_HOST is not set"),
        ({"LICENSE_FLEXLM": "false"}, None, "ok", "that of this machine"),
        ({"LICENSE_HOST": "h"}, "Connection refused", "error", "h:27000 cannot be reached: Connection refused"),
        ({"LICENSE_HOST": "h", "LICENSE_TOKENS": "4"}, None, "ok", "h:27000 answers"),
    ],
)
def test_the_licence_server_matters_where_the_sdk_is_used(sdk, tmp_path, environ, trouble, level, told):
    settings = load(tmp_path, PIXYZ_PYTHON_PATH=str(sdk), **environ)
    first, *more = judge_licence(engine_of(settings), settings, trouble)
    assert (first.level.value, told in first.what) == (level, True)
    assert ["LICENSE_TOKENS" in each.what for each in more] == [True] * (
        environ != {"ENGINE": "open"} and "LICENSE_TOKENS" not in environ
    )
