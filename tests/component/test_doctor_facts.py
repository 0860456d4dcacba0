"""The facts that doctor goes by, read from real stores, disks, ports and engines."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.embedded import EmbeddedStore
from pixyz_scheduler.broker.store_facts import read_facts
from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.doctor import api, engine, machine, store, worker_port
from pixyz_scheduler.engine.choice import EngineChoice, LicenceTerms
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.storage.share_trial import try_share
from tests.fakes.scheduler_api import fake_scheduler

STUB = Path(__file__).parents[1] / "fakes" / "pxz_stub"


@pytest.fixture
def own_store(tmp_path):
    """A store whose settings the test may change."""
    with EmbeddedStore.start(tmp_path / "data") as running, connect(running.store_url) as client:
        yield running, client


def load(tmp_path, **environ):
    (tmp_path / "pixyz-scheduler.conf").touch()
    return Settings.load(environ, tmp_path)


def test_a_store_says_what_it_is_and_nothing_is_written(own_store):
    running, client = own_store
    facts = read_facts(client)
    assert (facts.server, ".".join(map(str, facts.version))) == (running.engine.name, str(running.engine).split()[1])
    assert (facts.role, facts.durability, facts.policy, facts.databases) == ("master", "relaxed", "noeviction", 256)
    assert facts.used > 0
    assert facts.machine > facts.used
    assert client.dbsize() == 0


def test_a_stores_clock_is_compared_with_ours(own_store):
    _, client = own_store
    seconds, micros = client.time()
    assert read_facts(client, now=lambda: seconds + micros / 1e6 - 100).ahead >= 100


def test_a_store_that_is_set_otherwise_says_so(own_store):
    _, client = own_store
    client.config_set("maxmemory", "1gb")
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("appendonly", "no")
    facts = read_facts(client)
    assert (facts.limit, facts.policy, facts.durability) == (1 << 30, "allkeys-lru", "none")


def test_a_store_that_keeps_its_settings_from_us_is_read_as_far_as_it_goes(own_store):
    running, client = own_store
    client.execute_command("ACL", "SETUSER", "default", "-config", "-info")
    with connect(running.store_url) as other:
        facts = read_facts(other)
    client.execute_command("ACL", "SETUSER", "default", "+@all")
    assert (facts.version, facts.databases, facts.durability) == ((), None, "unknown")


def test_a_store_with_another_password_is_told_by_what_to_set(own_store, tmp_path):
    running, client = own_store
    client.config_set("requirepass", "hunter2")
    settings = load(tmp_path, CELERY_BROKER_URL=running.broker_url)
    (finding,) = store.look_at(settings)
    client.config_set("requirepass", "")
    assert (finding.check, finding.level.value) == ("store", "error")
    assert "does not let us in" in finding.what
    assert "REDIS_PASSWORD" in finding.to_do


@pytest.mark.parametrize("marker", ["", '{"engine": "redis", "version": "99.0.0"}'])
def test_where_none_is_configured_it_is_said_what_up_would_start(tmp_path, marker, monkeypatch):
    monkeypatch.setattr(store, "TIMEOUT", 1.0)
    settings = load(tmp_path, DATA_PATH=str(tmp_path / "data"))
    if marker:
        (tmp_path / "data" / "store").mkdir(parents=True)
        (tmp_path / "data" / "store" / "engine.json").write_text(marker)
    finding = store._own(settings)
    assert finding.level.value == ("error" if marker else "warning")
    assert ("was written by redis 99.0.0" if marker else "`up` starts its own: ") in finding.what


def test_a_good_folder_takes_every_operation_and_nothing_stays(tmp_path):
    assert try_share(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a file system that takes no files: only Linux has /proc")
def test_a_folder_that_takes_no_files_says_why():
    refused = try_share(Path("/proc/self"))
    assert list(refused) == ["write"]
    assert refused["write"]


def test_a_folder_of_another_user_says_why():
    if not hasattr(os, "getuid") or os.getuid() != 0:
        pytest.skip("only root may become another user")
    script = "import os, sys; from pathlib import Path; from pixyz_scheduler.storage.share_trial import try_share; "
    script += "os.setgid(65534); os.setuid(65534); print(try_share(Path(sys.argv[1])))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    # Not pytest's own folder, which others may not enter.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        command = [sys.executable, "-c", script, folder]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "{'write': 'Permission denied'}\n"


def test_a_file_system_without_links_is_told_and_the_rest_goes_on(tmp_path, monkeypatch):
    def refuses(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuses)
    assert try_share(tmp_path) == {"link": "Operation not permitted"}
    assert list(tmp_path.iterdir()) == []


def test_a_free_port_is_free_and_stays_so():
    port = free_port()
    assert api.read("127.0.0.1", port) == api.ApiFacts()
    assert api.read("127.0.0.1", port) == api.ApiFacts()


def hang_up(server):
    connection, _ = server.accept()
    connection.close()


def test_a_port_of_somebody_else_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        thread = threading.Thread(target=hang_up, args=(other,), daemon=True)
        thread.start()
        facts = api.read("127.0.0.1", other.getsockname()[1])
        thread.join()
    assert facts == api.ApiFacts("Address already in use")


def test_an_address_that_is_not_ours_says_so():
    assert api.read("192.0.2.1", 8001).refused == "Cannot assign requested address"


def test_a_port_of_an_http_server_that_is_not_ours_is_taken():
    with fake_scheduler() as other:
        facts = api.read("127.0.0.1", int(other.url.rpartition(":")[2]))
    assert facts.refused
    assert facts.problems == {}


class Ready(BaseHTTPRequestHandler):
    """A worker's door."""

    said = b""

    def do_GET(self):
        self.send_response(503)
        self.end_headers()
        self.wfile.write(self.said)

    def log_message(self, *_):
        """Nothing."""


@pytest.mark.parametrize(
    ("said", "problems"),
    [
        (b'{"status": "unavailable", "problems": {"share": "Away."}}', {"share": "Away."}),
        (b'{"status": "ok", "problems": {}}', {}),
        (b'{"status": "ok"}', None),
        (b"[]", None),
        (b"hello", None),
    ],
)
def test_a_workers_port_is_told_from_somebody_elses(said, problems):
    handler = type("Said", (Ready,), {"said": said})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        facts = worker_port.read("127.0.0.1", server.server_address[1])
        server.shutdown()
    assert facts == worker_port.WorkerPortFacts("Address already in use", problems)


def test_a_workers_port_that_is_free_is_free():
    assert worker_port.read("127.0.0.1", free_port()) == worker_port.WorkerPortFacts()


def test_the_open_engine_is_loaded_in_a_process_of_its_own():
    facts = engine.read(EngineChoice(name="open"))
    assert (facts.name, facts.trouble, facts.absent) == ("open", "", "")
    assert "glb" in facts.reads
    assert "glb" in facts.writes
    assert facts.versions["trimesh"]


def test_the_sdk_is_loaded_where_it_is():
    facts = engine.read(EngineChoice(name="pixyz", sdk=STUB))
    assert (facts.name, facts.trouble) == ("pixyz", "")
    assert "catpart" in facts.reads


def test_an_sdk_that_is_not_there_is_said(tmp_path):
    facts = engine.read(EngineChoice(name="pixyz", sdk=tmp_path))
    assert "the Pixyz SDK is not in" in facts.absent


def test_an_sdk_that_crashes_as_it_loads_harms_nobody(tmp_path):
    (tmp_path / "pxz").mkdir()
    (tmp_path / "pxz" / "__init__.py").write_text("import os; os.abort()")
    facts = engine.read(EngineChoice(name="pixyz", sdk=tmp_path))
    assert "ended with status -6" in facts.trouble


@pytest.mark.parametrize("listens", [True, False])
def test_a_licence_server_is_called(listens):
    with socket.create_server(("127.0.0.1", 0)) as server:
        terms = LicenceTerms(flexlm=True, host="127.0.0.1", port=server.getsockname()[1])
        if not listens:
            server.close()
        assert engine._reach(EngineChoice(sdk=STUB, licence=terms)) == (None if listens else "Connection refused")


def test_this_machine_is_read():
    facts = machine.read()
    assert facts.python[0] == 3
    assert facts.free > 0
    assert facts.temp_trouble == ""
