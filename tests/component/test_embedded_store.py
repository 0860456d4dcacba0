"""EmbeddedStore: a real Valkey, started, found in use, killed, orphaned, started again."""

import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import redis
from celery import Celery

from pixyz_scheduler.broker.embedded import EmbeddedStore
from pixyz_scheduler.broker.store_server import find_server
from pixyz_scheduler.errors import StoreRefused, StoreUnavailable

OWNER = """
import sys
from pathlib import Path
from pixyz_scheduler.broker.embedded import EmbeddedStore
with EmbeddedStore.start(Path(sys.argv[1])) as store:
    print(store.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module", autouse=True)
def _server_is_installed():
    try:
        find_server()
    except StoreUnavailable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture
def owner(tmp_path):
    """A process of its own that holds a store on `tmp_path`, and the pid of its server."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        yield process, int(process.stdout.readline())
        process.stdin.close()


def client(store: EmbeddedStore, **options) -> redis.Redis:
    return redis.Redis.from_url(store.store_url, decode_responses=True, **options)


def is_alive(pid: int) -> bool:
    """Whether it runs; one that nobody has reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def session_of(process: Path) -> int | None:
    try:
        return os.getsid(int(process.name))
    except ProcessLookupError:
        return None


def test_it_answers_on_a_socket_alone_and_keeps_its_data(tmp_path):
    with EmbeddedStore.start(tmp_path) as store, client(store) as redis_client:
        redis_client.set("job", "1")
        config = redis_client.config_get("*")
        assert (config["port"], config["appendonly"], config["appendfsync"]) == ("0", "yes", "everysec")
        assert (config["maxmemory-policy"], config["unixsocketperm"]) == ("noeviction", "700")
        pid = store.pid
    assert not is_alive(pid)
    with EmbeddedStore.start(tmp_path) as store, client(store) as redis_client:
        assert redis_client.get("job") == "1"


def test_its_folder_is_nobody_elses(tmp_path):
    with EmbeddedStore.start(tmp_path / "deep" / "er") as store:
        folder = tmp_path / "deep" / "er" / "store"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(store.log.stat().st_mode) == 0o600
        assert json.loads((folder / "engine.json").read_text()) == {
            "engine": store.engine.name,
            "version": ".".join(map(str, store.engine.version)),
        }
    assert not list(folder.glob("*.sock"))


def test_every_results_database_up_to_250_is_there(tmp_path):
    with EmbeddedStore.start(tmp_path) as store, client(store, db=250) as redis_client:
        assert redis_client.ping()


def test_celery_takes_its_addresses_even_with_a_space_in_the_path(tmp_path):
    with EmbeddedStore.start(tmp_path / "a b") as store, client(store) as redis_client:
        with Celery(broker=store.broker_url, backend=store.result_backend) as app:
            app.send_task("any", queue="cpu")
            app.backend.client.set("result", "2")
            app.backend.client.close()
        assert redis_client.llen("cpu") == 1
        assert redis_client.get("result") == "2"
        assert store.environment == {
            "CELERY_BROKER_URL": store.broker_url,
            "CELERY_RESULT_BACKEND": store.result_backend,
        }


def test_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path):
    deep = tmp_path / ("d" * 100)
    with EmbeddedStore.start(deep) as store, client(store) as redis_client:
        assert redis_client.ping()
        place = Path(store.address.socket).parent
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert not place.exists()


def test_a_second_start_on_the_data_names_the_process_that_has_it(tmp_path, owner):
    process, server = owner
    with pytest.raises(StoreRefused, match=f"store is in use by process {process.pid}\\. Stop it, or set DATA_PATH"):
        EmbeddedStore.start(tmp_path)
    assert is_alive(server)


def test_a_second_start_in_the_same_process_is_refused_too(tmp_path):
    with EmbeddedStore.start(tmp_path) as store, pytest.raises(StoreRefused, match=f"in use by process {os.getpid()}"):
        EmbeddedStore.start(tmp_path)
    assert store.exit_status == 0


def test_its_owners_death_ends_it_and_a_new_start_waits_for_that(tmp_path, owner):
    process, server = owner
    with redis.Redis(unix_socket_path=str(tmp_path / "store" / "store.sock")) as redis_client:
        redis_client.set("job", "1")
    process.kill()
    process.wait()
    with EmbeddedStore.start(tmp_path) as store, client(store) as redis_client:
        assert not is_alive(server)
        assert redis_client.get("job") == "1"


def test_it_outlives_the_thread_that_started_it(tmp_path):
    started = []
    thread = threading.Thread(target=lambda: started.append(EmbeddedStore.start(tmp_path)))
    thread.start()
    thread.join()
    with started[0] as store, client(store) as redis_client:
        assert redis_client.ping()


def test_ctrl_c_in_the_terminal_does_not_reach_it(tmp_path):
    with EmbeddedStore.start(tmp_path) as store:
        assert os.getsid(store.pid) != os.getsid(0)


def test_a_killed_server_is_noticed_and_loses_nothing(tmp_path):
    with EmbeddedStore.start(tmp_path) as store:
        assert store.exit_status is None
        with client(store) as redis_client:
            redis_client.set("job", "1")
        os.kill(store.pid, signal.SIGKILL)
        os.waitid(os.P_PID, store.pid, os.WEXITED | os.WNOWAIT)
        assert store.exit_status == -signal.SIGKILL
    with EmbeddedStore.start(tmp_path) as store, client(store) as redis_client:
        assert redis_client.get("job") == "1"


@pytest.mark.parametrize("depth", [0, 120], ids=["short path", "path too long for a socket"])
def test_a_killed_server_is_revived_on_its_data_at_its_address(tmp_path, depth):
    data = tmp_path / ("d" * depth)
    with EmbeddedStore.start(data) as store, client(store) as redis_client:
        address, first = store.store_url, store.pid
        assert not store.revive()
        redis_client.set("job", "1")
        os.kill(first, signal.SIGKILL)
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
        assert store.revive()
        assert (store.store_url, store.exit_status) == (address, None)
        assert store.pid != first
        assert redis_client.get("job") == "1"
    assert store.exit_status == 0


def test_a_server_that_cannot_be_revived_says_why_and_may_be_asked_again(tmp_path):
    with EmbeddedStore.start(tmp_path) as store:
        os.kill(store.pid, signal.SIGKILL)
        os.waitid(os.P_PID, store.pid, os.WEXITED | os.WNOWAIT)
        (manifest,) = (tmp_path / "store" / "appendonlydir").glob("*.manifest")
        whole = manifest.read_text()
        manifest.write_text("nonsense\n")
        with pytest.raises(StoreUnavailable, match="nonsense"):
            store.revive()
        manifest.write_text(whole)
        assert store.revive()


def test_stopping_twice_does_nothing(tmp_path):
    store = EmbeddedStore.start(tmp_path)
    store.stop()
    store.stop()
    assert store.exit_status == 0


def test_nothing_is_left_of_it(tmp_path):
    with EmbeddedStore.start(tmp_path) as store:
        session = [int(path.name) for path in Path("/proc").glob("[0-9]*") if session_of(path) == store.pid]
        assert len(session) == 2
        watches = [os.pidfd_open(pid) for pid in session]
    # A descriptor of a process is readable once it has ended.
    for watch in watches:
        assert select.select([watch], [], [], 10)[0]
        os.close(watch)


def test_no_descriptor_is_left_open(tmp_path):
    EmbeddedStore.start(tmp_path).stop()
    before = len(list(Path("/proc/self/fd").iterdir()))
    EmbeddedStore.start(tmp_path).stop()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_socket_left_behind_is_no_hindrance(tmp_path):
    (tmp_path / "store").mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "store" / "store.sock"))
    with EmbeddedStore.start(tmp_path) as store, client(store) as redis_client:
        assert redis_client.ping()


def test_nothing_of_the_environment_reaches_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GOD_PASSWORD_SHA256", "secret")
    with EmbeddedStore.start(tmp_path) as store:
        assert b"GOD_PASSWORD" not in Path(f"/proc/{store.pid}/environ").read_bytes()


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        (
            '{"engine": "valkey", "version": "99.0.0"}',
            r"was written by valkey 99\.0\.0; found here: valkey .* DATA_PATH",
        ),
        ('{"engine": "redis", "version": "7.4.1"}', r"was written by redis 7\.4\.1; found here: valkey "),
        ('{"engine": "valkey"}', r"engine\.json is damaged"),
        ('{"engine": "valkey", "version": 9}', r"engine\.json is damaged"),
        ("", r"engine\.json is damaged"),
    ],
)
def test_data_of_another_or_a_newer_engine_is_refused_and_left_as_it_is(tmp_path, marker, told):
    data = tmp_path / "store" / "appendonlydir"
    data.mkdir(parents=True)
    (tmp_path / "store" / "engine.json").write_text(marker)
    with pytest.raises(StoreRefused, match=told):
        EmbeddedStore.start(tmp_path, search_path="")
    assert (tmp_path / "store" / "engine.json").read_text() == marker
    assert not list(data.iterdir())


@pytest.mark.parametrize("name", ["appendonlydir", "dump.rdb"])
def test_data_that_nobody_signed_is_refused(tmp_path, name):
    (tmp_path / "store" / name).mkdir(parents=True)
    with pytest.raises(StoreRefused, match=r"no engine\.json that says which engine wrote it"):
        EmbeddedStore.start(tmp_path)


def test_damaged_data_is_told_in_the_servers_own_words(tmp_path):
    EmbeddedStore.start(tmp_path).stop()
    (manifest,) = (tmp_path / "store" / "appendonlydir").glob("*.manifest")
    manifest.write_text("nonsense\n")
    with pytest.raises(StoreUnavailable, match=r"(?s)ended at its start with status 1\. Last lines of .*nonsense"):
        EmbeddedStore.start(tmp_path)


def test_a_data_path_that_is_a_file_is_told(tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(StoreUnavailable, match="cannot be used: Not a directory"):
        EmbeddedStore.start(tmp_path / "data")


def test_a_full_disk_is_told(tmp_path):
    """No file may grow in that process: what a full disk says, without one."""
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from pixyz_scheduler.broker.embedded import EmbeddedStore\n"
        "from pixyz_scheduler.errors import StoreUnavailable\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "try: EmbeddedStore.start(Path(sys.argv[1]))\n"
        "except StoreUnavailable as error: sys.exit(str(error))\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], check=False, capture_output=True, text=True, env=environ
    )
    assert done.stderr.strip().endswith("store cannot be used: File too large.")
