"""Settings: each of them has values that are not allowed, and says so with its place, its name and what is allowed."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.settings import conf_file
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.survey import survey
from pixyz_scheduler.settings.table import rows

ROWS = list(rows(Settings.model_fields))
# What is allowed, as the table says it -> what is not.
WRONG = {
    "a host name or an IP address": "redis://host",
    "a port, 1 to 65535": "70000",
    "a port, 1 to 65535, or 0 for none": "70000",
    "the number of a database, such as 0": "prod",
    "redis://, rediss:// or redis+socket:// with a host (or path) and the number of a database": "amqp://u:hunter2@h",
    "an address that Celery takes": "hunter2",
    "a folder": "~nobody-of-this-name/x",
    "true or false (1, 0, yes, no, on, off do as well)": "perhaps",
    "a whole number, 0 or more": "-1",
    "a whole number, 1 or more": "0",
    "seconds, more than 0": "0",
    "seconds, 0 or more": "-1",
    "a number, 0.05 to 100": "0",
    "a SHA-256 as 64 hexadecimal digits (of the key, not the key itself)": "hunter2",
    "origins such as https://example.com with commas between, or *": "example.com",
    "off, x-accel-redirect or x-sendfile": "nginx",
    "a path such as /pixyz-share": "pixyz share",
    "bytes as a whole number (2 GiB = 2147483648), 0 for no limit": "2g",
    "KiB as a whole number (2 GiB = 2097152), 0 for no limit": "2g",
    "off, or http, https, file and addresses such as https://models.example.com/ with commas between": "ftp",
    "DEBUG, INFO, WARNING, ERROR or CRITICAL": "LOUD",
    "text or json": "xml",
    "names of queues (letters, digits, `_`, `-`, `.`) with commas between": "a/b",
    "solo or pool": "prefork",
    "fork or spawn": "thread",
    "off or allow": "perhaps",
    "auto, pixyz, open or none": "blender",
    "text without blanks": "two words",
    "an address such as http://127.0.0.1:4318, without a key (that is for OTEL_EXPORTER_OTLP_HEADERS)": "hunter2",
}
ANYTHING_GOES = "text"  # passwords


@pytest.fixture
def folder(tmp_path):
    """A working directory whose file hides any /etc/pixyz-scheduler.conf of this machine."""
    (tmp_path / conf_file.NAME).touch()
    return tmp_path


def sentence(row, where):
    value = "has a value that is not allowed (not shown)" if row.secret else f'is "{WRONG[row.allowed]}"'
    return f"{row.name} in {where} {value}; allowed: {row.allowed}."


def table():
    return [pytest.param(row, id=row.name) for row in ROWS if row.allowed != ANYTHING_GOES]


@pytest.mark.parametrize("row", table())
def test_every_setting_says_what_is_wrong_with_it_in_the_file(folder, row):
    path = folder / conf_file.NAME
    path.write_text(f"# mine\n\n{row.name}={WRONG[row.allowed]}\n")
    with pytest.raises(SettingsError, match=f"^{re.escape(sentence(row, f'{path}, line 3'))}$") as caught:
        Settings.load({}, folder)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("row", table())
def test_every_setting_says_what_is_wrong_with_it_in_the_environment(folder, row):
    with pytest.raises(SettingsError, match=f"^{re.escape(sentence(row, 'the environment'))}$") as caught:
        Settings.load({row.name: WRONG[row.allowed]}, folder)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("row", table())
def test_a_survey_tells_the_same_and_goes_on_with_the_default(folder, row):
    other = "DEBUG" if row.name == "CONCURRENT_TASKS" else "CONCURRENT_TASKS"
    found = survey({row.name: WRONG[row.allowed], other: "1"}, folder)
    assert found.problems == (sentence(row, "the environment"),)
    assert getattr(found.settings, row.name.lower()) == getattr(Settings(), row.name.lower())
    assert found.settings.origin(other) == "the environment"


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_every_setting_takes_its_own_default_as_the_table_writes_it(folder, row):
    if row.default:
        settings = Settings.load({row.name: row.default}, folder)
        assert getattr(settings, row.name.lower()) == getattr(Settings(), row.name.lower())
        assert settings.origin(row.name) == "the environment"


def test_a_survey_of_a_file_that_is_no_text_goes_on_with_the_environment(folder):
    (folder / conf_file.NAME).write_bytes(b"\xff\xfe\x00")
    found = survey({"API_PORT": "9000"}, folder)
    assert found.problems == (f"{folder / conf_file.NAME}, line 1 is not UTF-8 text.",)
    assert found.settings.api_port == 9000


def test_a_survey_tells_every_line_that_is_none_and_reads_the_others(folder):
    path = folder / conf_file.NAME
    path.write_text("nonsense\nAPI_PORT=9000\nmore of it\nLOGLEVEL=DEBUG\nAPI_PROT=1\nAPI_PORT=9001\n")
    found = survey({"LOGLEVEL": "INFO"}, folder)
    assert found.path == path
    assert found.problems == tuple(
        f"{path}, line {line} is not NAME=value (quotes that never close count too)." for line in (1, 3)
    )
    assert found.settings.api_port == 9001
    assert found.unknown == (f"API_PROT in {path}, line 5 is not a setting and is left aside. Did you mean API_PORT?",)
    assert found.doubled == (f"API_PORT stands in {path}, line 2, and again in {path}, line 6: the last counts.",)
    assert found.old == (
        f"LOGLEVEL in {path}, line 4 is the old name of LOG_LEVEL.",
        "LOGLEVEL in the environment is the old name of LOG_LEVEL.",
    )


@settings(deadline=None)
@given(st.one_of(st.binary(), st.text(max_size=60).map(str.encode)), st.sampled_from([row.name for row in ROWS]))
def test_a_survey_of_whatever_stands_in_the_file_raises_nothing(tmp_path_factory, content, name):
    folder = tmp_path_factory.getbasetemp()
    (folder / conf_file.NAME).write_bytes(name.encode() + b"=" + content)
    assert survey({}, folder).settings.broker_url
