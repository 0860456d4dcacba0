"""Every name that a user's script may import, as COMPATIBILITY section 4 lists them."""

import os
import pickle
import re
import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path

import pytest

import pixyz_worker
import pixyz_worker.exception
import pixyz_worker.script
import pixyz_worker.tasks
from pixyz_scheduler.client import Unreachable
from pixyz_scheduler.script import faults
from pixyz_scheduler.script.context import ProgramContext
from pixyz_scheduler.script.schedule import ScheduleOptions
from pixyz_scheduler.storage import archive
from pixyz_scheduler.storage.share import Share

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
    "PixyzWebError": pixyz_worker.exception.PixyzException,
    "InternalError": pixyz_worker.exception.PixyzException,
    "InvalidFile": pixyz_worker.exception.PixyzException,
    "InvalidYamlFile": pixyz_worker.exception.InvalidFile,
    "InvalidConfigurationFile": pixyz_worker.exception.InvalidYamlFile,
    "InvalidBackendParameter": pixyz_worker.exception.PixyzException,
    "DiskStateAlreadyExists": pixyz_worker.exception.PixyzException,
    "SharePathNotFoundError": ValueError,
    "SharePathInvalidError": ValueError,
    "TaskNotCompletedError": pixyz_worker.exception.PixyzException,
    "TaskProcessingStarted": pixyz_worker.exception.PixyzException,
    "PixyzExceptionUnpickleableExceptionWrapper": pixyz_worker.exception.PixyzException,
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
    error = kind("what is wrong")
    assert (str(error), error.message, error.dict()) == ("what is wrong", "what is wrong", {"message": "what is wrong"})


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_goes_to_another_process_and_back_whole(name):
    """A script's process pool sends what its functions raise."""
    error = getattr(pixyz_worker.exception, name)("what is wrong")
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301  (our own bytes)
    assert (type(arrived), str(arrived)) == (type(error), "what is wrong")


def test_the_family_is_whole_and_drawn_as_a_tree():
    assert set(pixyz_worker.exception.__all__) == set(EXCEPTIONS)
    drawn = re.findall(
        r"^[|` ]*(?:-- )?(\w+)(?: .*)?$", faults.__doc__.partition("\n\n")[2].partition("\n\n")[0], re.MULTILINE
    )
    assert sorted(drawn) == sorted(EXCEPTIONS)


def test_an_error_over_http_tells_code_and_address():
    error = pixyz_worker.exception.PixyzWebError(404, "http://example.com/x", "Not Found")
    assert (error.status_code, error.url) == (404, "http://example.com/x")
    assert str(error) == "HTTP 404 from http://example.com/x: Not Found"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301  (our own bytes)


def test_an_exception_that_cannot_travel_is_stood_for():
    wrapped = pixyz_worker.exception.PixyzExceptionUnpickleableExceptionWrapper(KeyError("x"))
    assert str(wrapped) == "builtins.KeyError: 'x'"


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


def test_package_packs_what_a_local_run_has_written(tmp_path):
    outputs = tmp_path / "out"
    outputs.mkdir()
    (outputs / "a.txt").write_text("a")
    pc = pixyz_worker.script.ProgramContext.from_local("s.py", None, outputs)
    path = pixyz_worker.tasks.package(pc)
    assert path == str(tmp_path / "out.zip")
    assert zipfile.ZipFile(path).namelist() == ["a.txt"]


def test_package_makes_the_archive_that_the_api_answers(tmp_path):
    share = Share(tmp_path)
    folder = share.make_folder("00000000-0000-4000-8000-000000000000")
    (folder.outputs / "a.txt").write_text("a")
    path = pixyz_worker.tasks.package(pixyz_worker.script.ProgramContext(output_dir=str(folder.outputs)))
    assert path == str(folder.archive_path) == str(archive.current(folder))


@pytest.mark.parametrize("pc", [{}, {"output_dir": "/nowhere/at/all"}])
def test_package_says_that_there_is_nothing_to_pack(pc):
    with pytest.raises(pixyz_worker.exception.PixyzSharedDirectoryNotFound, match="no outputs to pack"):
        pixyz_worker.tasks.package(pc)


def test_cleanup_asks_the_scheduler_that_the_environment_names(monkeypatch):
    monkeypatch.setenv("PIXYZ_URL", "http://127.0.0.1:9")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        pixyz_worker.tasks.cleanup_share_file("00000000-0000-4000-8000-000000000000")


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


def test_the_reference_page_names_all_of_it():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "scripts.md").read_text()
    methods = {name for name in vars(ProgramContext) if not name.startswith("_")} - {"connected", "to_wire"}
    arguments = {field.name for field in fields(ScheduleOptions)} - {"other"}
    names = {*SCRIPT_NAMES, *EXCEPTIONS, *pixyz_worker.tasks.__all__, *ProgramContext(), *methods, *arguments}
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", page)) == []
