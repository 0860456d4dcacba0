"""The API as an operating system's process: it starts, says what is missing, and stops in order."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from pixyz_scheduler.api.app import check
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.store_url import StoreUrl
from tests.contract.api.conftest import DATABASE, KEY

START = "import sys; from pixyz_scheduler.api.app import main; from pixyz_scheduler.settings.settings import Settings; "
START += "sys.exit(main(Settings.load()))"


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def started(store_url, folder, port):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry),
        "CELERY_BROKER_URL": StoreUrl.parse(store_url).with_database(DATABASE).kombu,
        "GOD_PASSWORD_SHA256": hashlib.sha256(KEY.encode()).hexdigest(),
        "API_HOST": "127.0.0.1",
        "API_PORT": str(port),
        "SHARE_PATH": str(folder / "not" / "there" / "yet"),
    }
    with connect(StoreUrl.parse(store_url).with_database(DATABASE).redis_py) as client:
        # Each test has a share of its own, and a store has one.
        client.flushdb()
    command = [sys.executable, "-c", START]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=folder) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(store_url, tmp_path, port, number):
    with started(store_url, tmp_path, port) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "the API listens on" in line:
                break
        rest = threading.Thread(target=lambda: lines.extend(process.stderr))
        rest.start()
        answer = httpx.post(
            f"http://127.0.0.1:{port}/jobs",
            headers={"x-api-key": KEY},
            files={"script": ("a.py", "def main(pc, params): pass\n")},
            data={"config": '{"task_id": "x"}'},
            timeout=20,
        )
        assert answer.status_code == 200, answer.text
        process.send_signal(number)
        assert process.wait(20) == 0
        rest.join()
    said = "".join(lines)
    assert "Traceback" not in said
    assert (
        f"[{answer.json()['uuid']}] pixyz_scheduler.api.routes.jobs: job accepted process_name=custom queue=cpu" in said
    )
    assert "config.task_id is not the client's to set" in said
    assert KEY not in said


def test_a_port_that_is_taken_is_said(store_url, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with started(store_url, tmp_path, taken.getsockname()[1]) as process:
            said = process.stderr.read()
            assert process.wait(20) == 1
    assert "address already in use" in said
    assert "Traceback" not in said


def test_without_a_key_it_does_not_start(tmp_path):
    with pytest.raises(SettingsError, match="GOD_PASSWORD_SHA256 is not set: the API does not start without a key"):
        check(Settings(share_path=tmp_path))


def test_a_share_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    settings = Settings(god_password_sha256="0" * 64, share_path=tmp_path / "file" / "share")
    with pytest.raises(SettingsError, match=r"SHARE_PATH is .*: it cannot be made: Not a directory"):
        check(settings)
