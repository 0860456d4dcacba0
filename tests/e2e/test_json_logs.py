"""LOG_FORMAT=json: each line that a process of ours writes, to either stream, is one object, whatever happens to it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import psutil
import pytest

from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.launcher.api_key import digest_of
from tests.e2e.farms import KEY, ROOT, Here, a_farm
from tests.fakes.otlp_receiver import a_receiver

FIELDS = {"time", "level", "logger", "message"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PASSES = "def main(pc, params):\n    print('not for the log')\n"
RAISES = "def main(pc, params):\n    raise ValueError('one\\ntwo')\n"
CRASHES = "import os\ndef main(pc, params):\n    os.abort()\n"
# What a library may do in the template, when it is imported.
CHATTY = """
import sys
if any("zygote" in word for word in sys.orig_argv):
    print("a library says\\nthat it is there")
    import warnings
    warnings.warn("an old library", stacklevel=1)
"""


def parsed(text):
    """The objects of these lines; fails for a line that is none."""
    told = [json.loads(line) for line in text.splitlines()]
    assert all(line.keys() >= FIELDS for line in told)
    return told


@contextmanager
def running(folder, *words, **settings):
    """One of our processes; its standard output and error lie in the files `out` and `err`."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT / "src"),
        "CELERY_BROKER_URL": "redis://:hush-hush@127.0.0.1:1/0",
        "SHARE_PATH": str(folder / "share"),
        "API_HOST": "127.0.0.1",
        "ENGINE": "none",
        "LOG_FORMAT": "json",
        **settings,
    }
    command = [sys.executable, "-m", "pixyz_scheduler", *words]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err, start_new_session=True)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def said(folder, *texts):
    """What its log says, once it has said all of these."""
    while not all(text in (folder / "err").read_text() for text in texts):
        time.sleep(0.05)
    return parsed((folder / "err").read_text().rpartition("\n")[0])


def test_an_api_and_a_worker_at_work_write_objects_that_tell_job_trace_and_span(tmp_path):
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "sitecustomize.py").write_text(CHATTY)
    with a_receiver() as spans:
        settings = {
            "LOG_FORMAT": "json",
            "ENGINE": "none",
            "OTEL_EXPORTER_OTLP_ENDPOINT": spans.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "key=hush-hush",
            "PYTHONPATH": f"{tmp_path / 'library'}:{ROOT / 'src'}",
            "METRICS_PORT": str(door := free_port()),
            "METRICS_HOST": "127.0.0.1",
        }
        with a_farm(tmp_path, [(Here(), "cpu,gpuhigh")], settings=settings) as farm:
            ends = {source: _end(farm, source) for source in (PASSES, RAISES, CRASHES)}
            for path in ("health/live", "metrics", "no/such/page"):
                httpx.get(f"http://127.0.0.1:{door}/{path}", timeout=30)
        attempt, post = (spans.one(name, job=ends[PASSES]) for name in ("attempt 1", "POST /jobs"))
    told = parsed(farm.log)
    for job in ends.values():
        assert {"job accepted", "attempt 1 started"} <= {line["message"] for line in told if line.get("job") == job}
    about = {line["message"]: line for line in told if line.get("job") == ends[PASSES]}
    assert (about["job accepted"]["trace_id"], about["job accepted"]["span_id"]) == (TRACE, post.id)
    assert (about["attempt 1 started"]["trace_id"], about["attempt 1 started"]["span_id"]) == (TRACE, attempt.id)
    assert about["attempt 1 ended: success"]["state"] == "SUCCESS"
    (library,) = [line for line in told if "a library says" in line["message"]]
    assert library["from"] == "template"
    assert "an old library" in farm.log
    assert "not for the log" not in farm.log
    assert not any(secret in farm.log for secret in (KEY, digest_of(KEY), "hush-hush"))


def _end(farm, source):
    url, headers = farm.environment["PIXYZ_URL"], {"x-api-key": KEY, "traceparent": f"00-{TRACE}-{'1' * 16}-01"}
    with httpx.Client(base_url=url, headers=headers, timeout=30) as http:
        uuid = http.post("/jobs", files={"script": ("a.py", source)}).json()["uuid"]
        while http.get(f"/jobs/{uuid}").json()["status"] not in ("SUCCESS", "FAILURE"):
            time.sleep(0.05)
    return uuid


def test_a_watched_worker_without_a_store_that_dies_and_starts_again_writes_objects(tmp_path):
    (tmp_path / "pixyz-scheduler.conf").write_text("LOG_FORMAT=json\nNO_SUCH_NAME=1\n")
    with running(tmp_path, "worker", LOG_FORMAT="") as watchdog:
        said(tmp_path, "Cannot connect to redis")
        (worker,) = psutil.Process(watchdog.pid).children()
        worker.kill()
        said(tmp_path, "has died", "it starts again in")
        while not (again := psutil.Process(watchdog.pid).children()):
            time.sleep(0.05)
        assert again[0].pid != worker.pid
        watchdog.terminate()
        watchdog.wait()
    told = parsed((tmp_path / "err").read_text())
    assert (tmp_path / "out").read_text() == ""
    assert [line["level"] for line in told if "NO_SUCH_NAME" in line["message"]] == ["WARNING"]
    assert any(line["logger"].startswith("celery.") for line in told)
    assert "hush-hush" not in (tmp_path / "err").read_text()


@pytest.mark.parametrize(
    ("words", "settings", "text"),
    [
        (("api",), {}, "GOD_PASSWORD_SHA256 is not set"),
        (("api",), {"API_PORT": "none"}, "API_PORT"),
        (("worker",), {"POOL_TYPE": "swimming"}, "POOL_TYPE"),
        (("worker", "--no-watchdog"), {"LOG_FORMAT": "JSON", "LOG_LEVEL": "loud"}, "LOG_LEVEL"),
    ],
)
def test_what_stops_a_start_is_an_object_too(tmp_path, words, settings, text):
    with running(tmp_path, *words, **settings) as process:
        assert process.wait() != 0
    (told,) = parsed((tmp_path / "err").read_text())
    assert told["level"] == "CRITICAL"
    assert text in told["message"]


def test_an_api_whose_port_is_taken_says_so_in_objects(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with running(tmp_path, "api", API_PORT=port, GOD_PASSWORD_SHA256=digest_of(KEY)) as process:
            assert process.wait() != 0
    assert any("address already in use" in line["message"] for line in parsed((tmp_path / "err").read_text()))


def test_up_tells_people_on_one_stream_and_machines_on_the_other(tmp_path):
    port = str(free_port())
    settings = {"CELERY_BROKER_URL": "", "DATA_PATH": str(tmp_path / "data"), "API_PORT": port, "DRAIN_TIMEOUT": "0"}
    with running(tmp_path, "up", **settings) as process:
        while "End:" not in (tmp_path / "out").read_text():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.wait()
    told = parsed((tmp_path / "err").read_text())
    assert any(line["message"] == "Ended." for line in told)
    (key,) = [line.split()[-1] for line in (tmp_path / "out").read_text().splitlines() if "Your API key" in line]
    assert key not in (tmp_path / "err").read_text()
