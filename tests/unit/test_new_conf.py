"""A new pixyz-scheduler.conf: it says every setting, sets what is wanted, and all its readers read the same."""

import hashlib
import os
import stat
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values

from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.launcher.new_conf import compose, put, remarks
from pixyz_scheduler.settings import conf_file
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.survey import survey
from pixyz_scheduler.settings.table import rows

ROWS = list(rows(Settings.model_fields))
DIGEST = hashlib.sha256(b"key").hexdigest()


def text(tmp_path, **given):
    return compose(given, cwd=tmp_path, key="key").text


def load(tmp_path, text):
    (tmp_path / conf_file.NAME).write_text(text)
    found = survey({}, tmp_path)
    assert (found.problems, found.unknown, found.doubled, found.old) == ((), (), (), ())
    return found.settings


def test_it_has_each_setting_once_with_its_sentence_and_what_is_allowed(tmp_path):
    words = " ".join(text(tmp_path).replace("#", " ").split())
    lines = [line.lstrip("#").partition("=")[0] for line in text(tmp_path).splitlines() if not line.startswith("# ")]
    assert [line for line in lines if line] == [row.name for row in ROWS]
    for row in ROWS:
        assert " ".join(row.sentence.split()) in words
        assert f"Allowed: {row.allowed}." in words


def test_it_sets_the_hash_of_the_key_and_nothing_else(tmp_path):
    settings = load(tmp_path, text(tmp_path))
    assert settings.model_dump() == Settings(god_password_sha256=DIGEST).model_dump()
    assert not settings.store_is_configured
    assert "key" not in [line.partition("=")[2] for line in text(tmp_path).splitlines()]


def test_what_it_shows_for_each_setting_is_its_default(tmp_path):
    all_set = "\n".join(
        line.removeprefix("#") if "=" in line.split(" ")[0] else line for line in text(tmp_path).splitlines()
    )
    settings = load(tmp_path, all_set)
    assert settings.model_dump() == Settings(god_password_sha256=DIGEST).model_dump()
    assert settings.origin("SHARE_PATH")


def test_it_sets_what_is_given(tmp_path):
    made = text(
        tmp_path, API_PORT="9000", QUEUE_NAME="cpu, wine", loglevel="debug", REDIS_PASSWORD="a$b#c d", ENGINE=""
    )
    settings = load(tmp_path, made)
    assert (settings.api_port, settings.queue_name, settings.log_level) == (9000, ("cpu", "wine"), "DEBUG")
    assert settings.redis_password.get_secret_value() == "a$b#c d"
    assert settings.origin("ENGINE") is None


def test_a_relative_folder_is_made_absolute_since_others_read_the_file_from_elsewhere(tmp_path):
    assert f"\nSHARE_PATH={tmp_path}/share\n" in text(tmp_path, SHARE_PATH="share")


def test_a_hash_that_is_given_is_the_users_own_key(tmp_path):
    made = compose({"GOD_PASSWORD_SHA256": "ab" * 32}, cwd=tmp_path, key="key")
    assert made.key is None
    assert f"\nGOD_PASSWORD_SHA256={'ab' * 32}\n" in made.text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"API_PROT": "1"}, "API_PROT is not a setting. Did you mean API_PORT?"),
        ({"COLOUR": "1"}, "COLOUR is not a setting."),
        ({"API_PORT": "x"}, 'API_PORT in the command line is "x"; allowed: a port, 1 to 65535.'),
        ({"REDIS_PASSWORD": "it's"}, "REDIS_PASSWORD cannot stand in the file"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_written(tmp_path, given, told):
    with pytest.raises(SettingsError) as caught:
        compose(given, cwd=tmp_path, key="key")
    assert str(caught.value).startswith(told)


GIVEN = {"API_PORT": "9000", "QUEUE_NAME": "cpu, wine", "SHARE_PATH": "/mnt/a b", "REDIS_PASSWORD": "a$b#c"}
READ = {**GIVEN, "GOD_PASSWORD_SHA256": DIGEST}


def test_our_reader_a_dotenv_reader_and_a_shell_read_the_same(tmp_path):
    path = tmp_path / conf_file.NAME
    path.write_text(compose(GIVEN, cwd=tmp_path, key="key").text)
    ours = {line.name: line.value for line in conf_file.read(path, environ={}).lines}
    assert ours == READ
    assert dotenv_values(path) == READ  # this library is what Compose 1 reads it with
    script = f"set -a; . {path}; exec env -0"
    said = subprocess.run(
        ["sh", "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True, text=True
    )
    assert dict(line.split("=", 1) for line in said.stdout.split("\0") if line.split("=")[0] in READ) == READ


def test_it_is_its_owners_alone_whatever_the_umask(tmp_path):
    path = tmp_path / "a.conf"
    before = os.umask(0)
    try:
        put("A=1\n", path)
        put("A=2\n", path, force=True)
    finally:
        os.umask(before)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("A=2\n", 0o600)
    assert [each.name for each in tmp_path.iterdir()] == ["a.conf"]


def test_one_that_is_there_is_left_and_it_is_said_what_to_do(tmp_path):
    path = tmp_path / "a.conf"
    path.write_text("mine")
    with pytest.raises(SettingsError, match=r"is there already: nothing was written\..*doctor.*--force.*--path"):
        put("A=1\n", path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_that_is_not_there_is_said_and_nothing_is_left(tmp_path, force):
    with pytest.raises(SettingsError, match=r"cannot be written: No such file or directory\."):
        put("A=1\n", tmp_path / "nowhere" / "a.conf", force=force)


def test_a_folder_in_its_place_stays(tmp_path):
    (tmp_path / "a.conf").mkdir()
    with pytest.raises(SettingsError, match="cannot be written"):
        put("A=1\n", tmp_path / "a.conf", force=True)
    assert [each.name for each in tmp_path.iterdir()] == ["a.conf"]


def test_who_is_not_going_to_read_it_is_told(tmp_path):
    path = tmp_path / conf_file.NAME
    later = Path("/etc", conf_file.NAME)  # of this machine
    assert len(list(remarks(path, environ={}, cwd=tmp_path))) == later.exists()
    (elsewhere,) = remarks(tmp_path / "other.conf", environ={}, cwd=tmp_path)
    assert f"do not look for {tmp_path / 'other.conf'}" in elsewhere
    path.write_text("")
    first, *_ = remarks(conf_file.places(environ={}, cwd=tmp_path)[1], environ={}, cwd=tmp_path)
    assert first.startswith(f"Programs started here read {path}, which comes first")
    told = list(remarks(path, environ={"GOD_PASSWORD_SHA256": "x"}, cwd=tmp_path))
    assert told[-1].startswith("GOD_PASSWORD_SHA256 is set in the environment")
