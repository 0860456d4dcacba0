"""extras: which extra a module that was not found belongs to."""

import pytest

from pixyz_scheduler import extras
from pixyz_scheduler.errors import ExtraMissing, SchedulerError


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("celery.app.task", "worker"),
        ("pydantic", "worker"),  # the settings import it before what brings it
        ("redis", "worker"),
        ("fastapi", "server"),
        ("starlette.types", "server"),
    ],
)
def test_a_module_that_was_not_found_is_of_an_extra(module, extra):
    error = extras.of_module(module)
    assert str(error).endswith(f'pip install "pixyz-scheduler[{extra}]"')
    assert error.name == module.partition(".")[0]


@pytest.mark.parametrize("module", ["json", "pixyz_scheduler.nothing", "", None])
def test_other_modules_are_of_none(module):
    assert extras.of_module(module) is None


def test_it_is_an_import_error_and_one_of_ours():
    assert issubclass(ExtraMissing, ImportError)
    assert issubclass(ExtraMissing, SchedulerError)


def test_what_is_here_is_not_missing():
    extras.require("server", whose="The API")
