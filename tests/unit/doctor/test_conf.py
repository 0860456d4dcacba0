"""What doctor says of settings: of the file, its readers and the key."""

import hashlib
import re

import pytest

from pixyz_scheduler.doctor.conf import ConfFacts, judge
from pixyz_scheduler.findings import Level
from pixyz_scheduler.settings import conf_file
from pixyz_scheduler.settings.survey import survey

GOOD = hashlib.sha256(b"LtnbCYSQfXfUGJWs").hexdigest()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / conf_file.NAME).touch()
    return tmp_path


def found(folder, text="", *, mode=0o600, up_has_key=False, **environ):
    (folder / conf_file.NAME).write_text(text)
    return list(judge(survey(environ, folder), ConfFacts(mode, up_has_key)))


def test_all_is_well(folder):
    (read, key) = found(folder, f"GOD_PASSWORD_SHA256={GOOD}\n")
    assert (read.check, read.level, read.what) == (
        "settings",
        Level.OK,
        f"read from {folder / conf_file.NAME} and the environment",
    )
    assert (key.check, key.level) == ("key", Level.OK)


@pytest.mark.parametrize(
    ("text", "level", "told"),
    [
        ("API_PORT=x", "error", 'line 1 is "x"; allowed: a port'),
        ("nonsense", "error", "line 1 is not NAME=value"),
        ("API_PROT=1", "warning", "Did you mean API_PORT?"),
        ("API_PORT=1\nAPI_PORT=2", "warning", "API_PORT stands in .* line 1, and again in .* line 2"),
        ("LOGLEVEL=INFO", "warning", "LOGLEVEL in .* is the old name of LOG_LEVEL"),
    ],
)
def test_each_thing_that_is_wrong_is_a_finding_with_what_to_do(folder, text, level, told):
    (finding,) = [
        each for each in found(folder, f"{text}\n") if each.check == "settings" and each.level is not Level.OK
    ]
    assert finding.level.value == level
    assert re.search(told, finding.what)
    assert finding.to_do


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o602, 0o777])
@pytest.mark.parametrize(
    "secret", [f"GOD_PASSWORD_SHA256={GOOD}", "REDIS_PASSWORD=x", "CELERY_BROKER_URL=redis://:p@h"]
)
def test_a_file_with_secrets_that_others_read_or_change_is_a_warning(folder, mode, secret):
    told = [each for each in found(folder, secret, mode=mode) if "by others" in each.what]
    assert [each.level for each in told] == [Level.WARNING]
    assert "chmod 600" in told[0].to_do
    assert f"(mode {mode:04o})" in told[0].what


@pytest.mark.parametrize(
    ("text", "mode"), [("API_PORT=1", 0o644), ("REDIS_PASSWORD=x", 0o640), ("REDIS_PASSWORD=x", None)]
)
def test_a_file_without_secrets_or_for_a_group_alone_is_none(folder, text, mode):
    assert not [each for each in found(folder, text, mode=mode) if "by others" in each.what]


def test_a_secret_of_the_environment_says_nothing_of_the_file(folder):
    assert not [each for each in found(folder, mode=0o644, REDIS_PASSWORD="x") if "by others" in each.what]


def test_every_key_is_looked_at_and_none_is_shown(folder):
    digest = hashlib.sha256(b"secret").hexdigest()
    text = f"GOD_PASSWORD_SHA256={GOOD}\nMETRICS_PASSWORD_SHA256={digest}\n"
    guessed, good = (each for each in found(folder, text) if each.check == "key")
    assert (guessed.level, good.level) == (Level.ERROR, Level.OK)
    assert guessed.what.startswith("METRICS_PASSWORD_SHA256 in ")
    assert digest not in f"{guessed}"


@pytest.mark.parametrize(
    ("digest", "up_has_key", "level"),
    [
        ("", False, "warning"),
        ("", True, "ok"),
        (GOOD, False, "ok"),
        (hashlib.sha256(b"").hexdigest(), False, "error"),
        (hashlib.sha256(b"admin").hexdigest(), True, "error"),
        (hashlib.sha256(b"my key").hexdigest(), False, "error"),
    ],
)
def test_a_key_that_everybody_guesses_is_an_error_and_none_a_warning(folder, digest, up_has_key, level):
    (key,) = [
        each for each in found(folder, f"GOD_PASSWORD_SHA256={digest}", up_has_key=up_has_key) if each.check == "key"
    ]
    assert key.level.value == level
    assert bool(key.to_do) == (level != "ok")
    assert not digest or digest not in f"{key}"
