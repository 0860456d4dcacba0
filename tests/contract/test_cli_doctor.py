"""`doctor` as a user gives it: a line for each finding, JSON, the exit status; and where things are broken."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from pixyz_scheduler import __version__
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.embedded import EmbeddedStore
from pixyz_scheduler.broker.farm import Farm, Worker
from pixyz_scheduler.broker.known_share import KnownShare
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.launcher.api_key import digest_of
from pixyz_scheduler.storage.share_id import make_share_id
from tests.fakes.command_line import on_terminal
from tests.fakes.scheduler_api import KEY, fake_scheduler

WORKER = Worker("w", ("cpu", "gpu", "gpuhigh", "zip"), slots=2, host="h", pid=1, version=__version__, started=1.0)


def farm_of(store):
    """A farm whose workers are believed to live for as long as a test may take."""
    return Farm(RecordStore(store, pace=PACE.scaled(100)))


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with EmbeddedStore.start(tmp_path_factory.mktemp("data")) as store:
        yield store


@pytest.fixture
def store(running):
    with connect(running.store_url) as client:
        client.flushall()
        yield client
        client.flushall()
        client.config_set("maxmemory", "0")
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")


@pytest.fixture
def home(running, store, tmp_path):
    """An installation in which all is well."""
    share = tmp_path / "share"
    share.mkdir()
    KnownShare(store).meet(make_share_id(share))
    farm_of(store).announce(WORKER)
    conf = tmp_path / "pixyz-scheduler.conf"
    conf.write_text(f"GOD_PASSWORD_SHA256={digest_of('LtnbCYSQfXfUGJWs')}\nENGINE=none\n")
    conf.chmod(0o600)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PIXYZ_")},
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
        "CELERY_BROKER_URL": running.broker_url,
        "SHARE_PATH": str(share),
        "API_HOST": "127.0.0.1",
        "API_PORT": str(free_port()),
    }


@pytest.fixture
def doctor(home, tmp_path):
    def call(*arguments, status=0, before=(), **more):
        done = subprocess.run(
            [sys.executable, "-m", "pixyz_scheduler", *before, "doctor", *arguments],
            cwd=tmp_path,
            env={**home, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return call


def cells(done):
    return [line.split("\t") for line in done.stdout.splitlines()]


def bad(done):
    return [(check, level, what) for level, check, what, _ in cells(done) if level != "ok"]


def not_fleeting(findings):
    """The tests' share lies below /tmp, which is a warning."""
    return [each for each in findings if "temporary folder" not in each[2]]


def test_where_all_is_well_each_check_has_its_line_and_the_status_is_0(doctor, tmp_path):
    done = doctor()
    assert not_fleeting(bad(done)) == []
    assert [level for level, *_ in cells(done)].count("ok") > 10
    checks = {check for _, check, *_ in cells(done)}
    assert checks >= {
        "settings",
        "key",
        "python",
        "disk",
        "isolation",
        "store",
        "memory",
        "durability",
        "clock",
        "share",
    }
    assert checks >= {"api", "workers", "versions", "queues", "engine", "licence"}
    assert done.stderr.startswith("0 errors, ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pixyz-scheduler.conf", "share"]
    assert [path.name for path in (tmp_path / "share").iterdir()] == [".ps-share-id"]


def test_the_store_is_only_read(doctor, running, store):
    with redis.Redis.from_url(running.store_url) as raw:
        before = {key: raw.dump(key) for key in raw.scan_iter()}
        assert before
        doctor()
        assert {key: raw.dump(key) for key in raw.scan_iter()} == before
    store.flushall()
    doctor()
    assert store.dbsize() == 0


def test_json_has_the_same(doctor):
    told = json.loads(doctor("--json").stdout)
    assert (told["version"], told["errors"]) == (__version__, 0)
    assert told["warnings"] == sum(each["level"] == "warning" for each in told["findings"])
    assert set(told["findings"][0]) == {"check", "level", "what", "to_do"}
    assert all(bool(each["to_do"]) == (each["level"] != "ok") for each in told["findings"])


def test_on_a_terminal_there_are_columns_and_colours():
    with fake_scheduler() as server:
        shown, status = on_terminal(server, "doctor", columns=200)
    assert status in (0, 1)  # of the machine that runs the tests
    assert "\t" not in shown
    assert "\x1b[32mok     \x1b[0m  settings    " in shown


def test_a_store_that_is_away_is_an_error_and_the_rest_is_looked_at(doctor):
    done = doctor(status=1, CELERY_BROKER_URL="redis://:hunter2@127.0.0.1:1/0")
    (only,) = not_fleeting(bad(done))
    assert only[:2] == ("store", "error")
    assert "127.0.0.1:1: Redis does not answer" in only[2]
    assert "hunter2" not in done.stdout + done.stderr
    assert {"share", "api", "engine"} <= {check for _, check, *_ in cells(done)}
    assert done.stderr.startswith("1 error, ")


def test_a_store_that_never_answers_is_an_error_and_the_rest_is_looked_at(doctor):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = doctor(status=1, CELERY_BROKER_URL=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
    assert [each[:2] for each in not_fleeting(bad(done))] == [("store", "error")]


def test_a_store_that_forgets_is_told(doctor, store):
    store.config_set("maxmemory", "1gb")
    store.config_set("maxmemory-policy", "allkeys-lru")
    store.config_set("appendonly", "no")
    found = [each[:2] for each in not_fleeting(bad(doctor(status=1)))]
    assert found == [("memory", "error"), ("durability", "warning")]


def test_databases_that_the_store_has_not_are_told(doctor, running):
    address = running.address.with_database(26).kombu
    (only, *_) = not_fleeting(bad(doctor(status=1, CELERY_BROKER_URL=address)))
    assert only[:2] == ("store", "error")
    assert "queues are to be in 26, results in 260" in only[2]


def test_a_wrong_value_is_told_with_its_place_and_the_rest_is_looked_at(doctor, tmp_path):
    conf = tmp_path / "pixyz-scheduler.conf"
    with conf.open("a") as file:
        file.write("nonsense\nDEBUG=maybe\nAPI_PROT=1\nLOGLEVEL=INFO\nENGINE=none\n")
    conf.chmod(0o644)
    done = doctor(status=1)
    assert [each[:2] for each in not_fleeting(bad(done))] == [("settings", "error")] * 2 + [("settings", "warning")] * 4
    told = done.stdout
    assert f"{conf}, line 3 is not NAME=value" in told
    assert f'DEBUG in {conf}, line 4 is "maybe"; allowed: true or false' in told
    assert "Did you mean API_PORT?" in told
    assert f"ENGINE stands in {conf}, line 2, and again in {conf}, line 7" in told
    assert "can be read or changed by others (mode 0644)" in told
    assert {"store", "share", "api", "engine"} <= {check for _, check, *_ in cells(done)}


def test_a_share_that_is_gone_is_told(doctor, tmp_path):
    (only, *_) = bad(doctor(status=1, SHARE_PATH=str(tmp_path / "elsewhere")))
    assert only == (
        "share",
        "error",
        f"SHARE_PATH is {tmp_path}/elsewhere: there is no such folder, and the store has jobs on a share",
    )
    assert not (tmp_path / "elsewhere").exists()


def test_another_share_is_told(doctor, tmp_path):
    (tmp_path / "other").mkdir()
    done = doctor(status=1, SHARE_PATH=str(tmp_path / "other"))
    (only,) = not_fleeting(bad(done))
    assert only[:2] == ("share", "error")
    assert "it has no .ps-share-id, expected is" in only[2]
    assert list((tmp_path / "other").iterdir()) == []


def test_a_port_that_is_taken_is_told(doctor):
    with fake_scheduler() as other:
        (only,) = not_fleeting(bad(doctor(status=1, API_PORT=other.url.rpartition(":")[2])))
    assert only[:2] == ("api", "error")


def test_a_workers_port_that_is_taken_is_told(doctor):
    with fake_scheduler() as other:
        (only,) = not_fleeting(bad(doctor(status=1, METRICS_PORT=other.url.rpartition(":")[2])))
    assert only[:2] == ("metrics", "error")


def test_a_farm_that_is_not_well_is_told(doctor, store):
    farm = farm_of(store)
    farm.withdraw(WORKER)
    farm.announce(Worker("o", ("cpu", "zip"), 1, "h2", 1, "0.0.1", 1.0, trouble="The share is away.", clock=1.0))
    found = [each[:2] for each in not_fleeting(bad(doctor(status=1)))]
    assert found == [("workers", "error"), ("clock", "warning"), ("versions", "warning"), ("queues", "warning")]


def test_the_scheduler_that_a_url_names_is_looked_at_too(doctor):
    with fake_scheduler() as server:
        done = doctor("-t", KEY, before=("-u", server.url))
        assert [level for level, check, *_ in cells(done) if check == "scheduler"] == ["ok"]
        assert ["ok", "key", "it is taken", ""] in cells(done)
        refused = doctor("-t", "wrong", before=("-u", server.url), status=1)
        assert [each[:2] for each in not_fleeting(bad(refused))][-1] == ("key", "error")
    gone = doctor(before=("-u", "http://127.0.0.1:1"), status=1)
    assert [each[:2] for each in not_fleeting(bad(gone))] == [("scheduler", "error")]


BARE = """
import importlib.machinery

whole = importlib.machinery.PathFinder.find_spec


def bare(name, path=None, target=None):
    server = ("celery", "kombu", "redis", "pydantic_settings", "fastapi", "uvicorn", "starlette", "dotenv")
    return None if name.partition(".")[0] in server else whole(name, path, target)


importlib.machinery.PathFinder.find_spec = bare
"""


@pytest.fixture
def client_alone(home, tmp_path_factory):
    """An environment in which the server's dependencies are not installed."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "sitecustomize.py").write_text(BARE)
    return {"PYTHONPATH": f"{folder}{os.pathsep}{home['PYTHONPATH']}"}


def test_a_client_alone_looks_at_what_a_client_can(doctor, client_alone):
    with fake_scheduler() as server:
        done = doctor(PIXYZ_URL=server.url, PIXYZ_TOKEN=KEY, **client_alone)
        assert [check for _, check, *_ in cells(done)] == ["install", "scheduler", "versions", "key"]
        no_key = doctor(PIXYZ_URL=server.url, **client_alone)
    assert ("key", "warning", "no key is given") in bad(no_key)
    gone = doctor(PIXYZ_URL="http://127.0.0.1:1", status=1, **client_alone)
    assert [each[:2] for each in bad(gone)] == [("scheduler", "error")]


def test_a_client_alone_is_told_what_init_needs(home, client_alone, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pixyz_scheduler", "init", "--path", "new.conf"],
        cwd=tmp_path,
        env={**home, **client_alone},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "server" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command", ["api", "worker", "up", "run api_test", "run api_test --local", "admin stats", "doctor"]
)
@pytest.mark.parametrize(("place", "text"), [("file", "maybe"), ("environment", "maybe")])
def test_a_wrong_value_stops_every_start(home, tmp_path, command, place, text):
    home = {**home, "PROCESS_PATH": str(Path(__file__).parents[2] / "processes")}
    conf = tmp_path / "pixyz-scheduler.conf"
    if place == "file":
        conf.write_text(f"# mine\nCLEANUP_ENABLED={text}\n")
    else:
        home["CLEANUP_ENABLED"] = text
    where = f"{conf}, line 2" if place == "file" else "the environment"
    done = subprocess.run(
        [sys.executable, "-m", "pixyz_scheduler", *command.split()],
        cwd=tmp_path,
        env=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert f'CLEANUP_ENABLED in {where} is "maybe"; allowed: true or false' in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
