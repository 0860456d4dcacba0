"""Every name that a user's script may import, as COMPATIBILITY section 4 lists them."""

import os
import subprocess
import sys

import pytest

import pixyz_worker
import pixyz_worker.exception
import pixyz_worker.script
import pixyz_worker.tasks

SCRIPT_NAMES = {
    "ProgramContext",
    "pixyz_schedule",
    "pixyz_execute",
    "subtask_async",
    "LocalPixyzTask",
    "PiXYZSession",
    "License",
    "chain",
    "group",
    "chord",
    "chunks",
    "os",
    "sys",
}

EXCEPTIONS = {
    "PixyzException": Exception,
    "PixyzTimeout": TimeoutError,
    "PixyzExecutionFault": pixyz_worker.exception.PixyzException,
    "PixyzSignalFault": pixyz_worker.exception.PixyzExecutionFault,
    "PixyzExitFault": pixyz_worker.exception.PixyzExecutionFault,
    "PixyzFileNotFound": FileNotFoundError,
    "PixyzSecurityViolation": pixyz_worker.exception.PixyzException,
    "PixyzSharedDirectoryNotFound": pixyz_worker.exception.PixyzFileNotFound,
    "InternalError": pixyz_worker.exception.PixyzException,
    "InvalidFile": pixyz_worker.exception.PixyzException,
}


@pytest.mark.parametrize("module", ["pixyz_worker", "pixyz_worker.script"])
def test_a_star_import_brings_exactly_the_known_names(module):
    names = {}
    exec(f"from {module} import *", names)  # noqa: S102  (a star import is what users write)
    assert set(names) - {"__builtins__"} == SCRIPT_NAMES
    assert names["os"] is os
    assert names["sys"] is sys


def test_the_canvas_is_celerys_own():
    import celery

    for name in ("chain", "group", "chord", "chunks"):
        assert getattr(pixyz_worker.script, name) is getattr(celery, name)


@pytest.mark.parametrize(("name", "base"), EXCEPTIONS.items())
def test_the_exceptions_are_a_family_and_keep_their_text(name, base):
    kind = getattr(pixyz_worker.exception, name)
    assert issubclass(kind, base)
    assert issubclass(kind, pixyz_worker.exception.PixyzException)
    assert str(kind("what is wrong")) == "what is wrong"


def test_the_tasks_module_has_its_names():
    assert set(pixyz_worker.tasks.__all__) == {"pixyz_execute", "app", "package", "sleep", "cleanup_share_file"}
    assert pixyz_worker.tasks.pixyz_execute is pixyz_worker.script.pixyz_execute


def test_the_application_is_one_and_is_found_as_celery_looks_for_it():
    from celery import Celery
    from celery.app.utils import find_app

    app = find_app("pixyz_worker:app")
    assert isinstance(app, Celery)
    assert app is pixyz_worker.app is pixyz_worker.tasks.app
    assert find_app("pixyz_worker") is app


def test_sleep_says_how_long():
    assert pixyz_worker.tasks.sleep(0) == {"sleep": 0}


@pytest.mark.parametrize(
    ("name", "instead"), [("package", "outputs/archive"), ("cleanup_share_file", "CLEANUP_ENABLED")]
)
def test_what_the_scheduler_does_itself_says_so(name, instead):
    with pytest.raises(NotImplementedError, match=instead):
        getattr(pixyz_worker.tasks, name)("a uuid")


@pytest.mark.parametrize("module", [pixyz_worker, pixyz_worker.script, pixyz_worker.tasks])
def test_a_name_that_is_not_there_is_an_attribute_error(module):
    with pytest.raises(AttributeError, match="has no attribute 'nix'"):
        _ = module.nix


@pytest.mark.parametrize(
    ("statement", "unloaded"),
    [
        ("import pixyz_worker", "pixyz_scheduler.script celery"),
        ("import pixyz_worker.exception", "pixyz_scheduler.script.context celery"),
        ("import pixyz_worker.script", "celery kombu numpy pydantic fastapi asyncio redis"),
        ("import pixyz_worker.tasks", "celery redis pixyz_scheduler.settings.settings"),
        ("import pixyz_scheduler.script.host", "celery kombu numpy pydantic asyncio redis pixyz_scheduler.engine"),
    ],
)
def test_an_import_loads_no_more_than_it_needs(statement, unloaded):
    code = f"{statement}; import sys; print([m for m in {unloaded.split()} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
