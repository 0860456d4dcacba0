"""`init` as a user gives it: what it prints, what it writes, what it refuses."""

import hashlib
import json
import re

import pytest

from pixyz_scheduler.settings.settings import Settings
from tests.fakes.command_line import run

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def init(tmp_path):
    def call(*arguments, status=0, **env):
        done = run(NOWHERE, "init", *arguments, cwd=tmp_path, **env)
        assert done.returncode == status, done.stderr
        return done

    return call


def test_the_key_is_shown_and_its_hash_is_in_the_file(init, tmp_path):
    done = init()
    key = re.search(r"^Your API key:  (\S+)$", done.stdout, re.MULTILINE)[1]
    text = (tmp_path / "pixyz-scheduler.conf").read_text()
    assert key not in text
    assert (
        Settings.load({}, tmp_path).god_password_sha256.get_secret_value() == hashlib.sha256(key.encode()).hexdigest()
    )
    assert "shown this once" in done.stderr
    assert "pixyz-scheduler doctor" in done.stderr


def test_json_is_alone_on_stdout(init, tmp_path):
    told = json.loads(init("--json").stdout)
    assert told["path"] == str(tmp_path / "pixyz-scheduler.conf")
    assert len(told["api_key"]) == 32


@pytest.mark.parametrize(
    ("store", "set_so"),
    [
        ("store.internal", {"REDIS_MASTER_SERVICE_HOST": "store.internal"}),
        ("store:6380", {"REDIS_MASTER_SERVICE_HOST": "store", "REDIS_MASTER_SERVICE_PORT": 6380}),
        ("[::1]:6380", {"REDIS_MASTER_SERVICE_HOST": "::1", "REDIS_MASTER_SERVICE_PORT": 6380}),
        ("[::1]", {"REDIS_MASTER_SERVICE_HOST": "::1"}),
        ("rediss://:p@h:1/2", {"CELERY_BROKER_URL": "rediss://:p@h:1/2"}),
    ],
)
def test_the_store_is_named_in_one_word(init, tmp_path, store, set_so):
    init("--store", store, "--share", "files", "-s", "DEBUG=true")
    settings = Settings.load({}, tmp_path)
    for name, value in set_so.items():
        found = getattr(settings, name.lower())
        assert (found.get_secret_value() if hasattr(found, "get_secret_value") else found) == value
    assert (settings.share_path, settings.debug) == (tmp_path / "files", True)


def test_a_second_one_is_refused_and_the_first_stays(init, tmp_path):
    init()
    before = (tmp_path / "pixyz-scheduler.conf").read_text()
    told = init(status=1)
    assert told.stdout == ""
    assert "is there already: nothing was written." in told.stderr
    assert (tmp_path / "pixyz-scheduler.conf").read_text() == before
    init("--force")
    assert (tmp_path / "pixyz-scheduler.conf").read_text() != before


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("-s", "API_PORT=0"), 1, 'API_PORT in the command line is "0"; allowed: a port, 1 to 65535.'),
        (("-s", "API_PROT=1"), 1, "Did you mean API_PORT?"),
        (("--store", "h:http"), 1, "REDIS_MASTER_SERVICE_PORT in the command line"),
        (("-s", "API_PORT"), 2, "API_PORT is not NAME=VALUE"),
        (("-s", "=1"), 2, "=1 is not NAME=VALUE"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(init, tmp_path, arguments, status, told):
    assert told in init(*arguments, status=status).stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_gets_it_by_its_own_name(init, tmp_path):
    (tmp_path / "etc").mkdir()
    done = init("--path", "etc")
    assert (tmp_path / "etc" / "pixyz-scheduler.conf").is_file()
    assert "Programs started here do not look for" in done.stderr


def test_for_compose_there_is_a_password_too(init, tmp_path):
    init("--compose")
    settings = Settings.load({}, tmp_path)
    assert len(settings.redis_password.get_secret_value()) == 32
    init("--compose", "-s", "REDIS_PASSWORD=mine", "--force")
    assert Settings.load({}, tmp_path).redis_password.get_secret_value() == "mine"
