"""Inputs by URL: fetched from a real server by a real child, within what the settings allow."""

import http.server
import io
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
import zipfile
from contextlib import contextmanager

import pytest

from pixyz_scheduler.errors import InputMissing, InvalidConfig, StorageFull, Unavailable, UploadTooLarge
from pixyz_scheduler.jobs.input_url import AllowedUrls
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.worker.isolation.events import Exited, Message
from pixyz_scheduler.worker.isolation.fork_slots import ForkSlots
from pixyz_scheduler.worker.isolation.spawn_slots import SpawnSlots
from pixyz_scheduler.worker.isolation.template import Template
from pixyz_scheduler.worker.provision.allowance import Allowance
from pixyz_scheduler.worker.provision.download import Download
from tests.component.conftest import ENVIRONMENT, NO_ENGINE
from tests.conftest import missing
from tests.fakes.small_disk import small_disk

PART = b"a part" * 1000
READ = """
import os
def main(pc, params):
    pc.progress_set_total(2)
    pc.progress_next("Reading")
    file = pc.get_input_file()
    return [os.path.basename(file), os.path.getsize(file), pc["data"], sorted(os.listdir(pc.get_input_dir()))]
"""


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the server's table says."""

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        status, headers, body = self.server.answers.get(self.path, (404, {}, b"not here"))
        self.send_response(status)
        headers = {"Content-Length": str(len(body)), **headers}
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def serving(answers):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answers, server.asked = answers, []
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("deep/model.obj", "v 0 0 0\n")
    answers = {
        "/models/part.step": (200, {}, PART),
        "/models/part.step?sig=secret": (200, {}, PART),
        "/named": (200, {"Content-Disposition": "attachment; filename*=UTF-8''%C3%BCber%2F..%2Fteil.stp"}, PART),
        "/script.py": (200, {}, PART),
        "/models.zip": (200, {}, packed.getvalue()),
        "/unknown-size": (200, {"Content-Length": None}, PART),
        "/cut": (200, {"Content-Length": "99999"}, PART),
        "/busy": (503, {}, b""),
        "/denied": (403, {}, b""),
        "/packed": (200, {"Content-Encoding": "gzip"}, PART),
        "/on": (302, {"Location": "/models/part.step"}, b""),
        "/round": (302, {"Location": "/round"}, b""),
        "/nowhere": (302, {}, b""),
        "/away": (302, {"Location": "http://127.0.0.2:1/x"}, b""),
        "/to-file": (302, {"Location": "file:///etc/passwd"}, b""),
    }
    with serving(answers) as server:
        yield server


@pytest.fixture(params=["fork", "spawn"])
def bench_with(request, bench_of):
    """A worker whose children may fetch from here."""
    made = []

    def make(*urls, **allowed):
        variables = {**ENVIRONMENT, **Allowance(urls=urls, **allowed).to_environment()}
        if request.param == "spawn":
            made.append(SpawnSlots(variables))
        else:
            template = Template(engine=NO_ENGINE, environment=variables)
            template.start()
            request.addfinalizer(template.close)
            made.append(ForkSlots(template, ahead=1))
        return bench_of(made[-1])

    yield make
    for slots in made:
        slots.close()


def test_the_input_is_fetched_before_the_script_begins_and_lies_where_a_sent_one_would(bench_with, server):
    report = bench_with(server.url).run(READ, input_url=f"{server.url}/models/part.step?sig=secret")
    assert report.state is JobState.SUCCESS, report.error
    assert json.loads(report.result) == ["part.step", len(PART), "part.step", ["part.step", "script.py"]]
    assert [step.info for step in report.progress.steps] == ["Downloading part.step (5.859 KiB)", "Reading"]
    assert report.progress.before == 1


def test_its_log_says_what_came_and_from_where_without_what_is_secret(bench_with, server):
    bench = bench_with(server.url)
    address = server.url.replace("http://", "http://me:secret@")
    report = bench.run(READ, input_url=f"{address}/models/part.step?sig=secret")
    log = bench.log(report.job.id)
    assert f"Input: part.step, 6000 bytes from {server.url}/models/part.step in " in log
    assert "secret" not in log
    assert server.asked[0][1]["Authorization"] == "Basic bWU6c2VjcmV0"


def test_an_archive_is_unpacked_like_one_that_was_sent(bench_with, server):
    report = bench_with(server.url).run(READ, input_url=f"{server.url}/models.zip")
    assert json.loads(report.result or "null") == ["model.obj", 8, "models.zip", ["deep"]], report.error


def test_the_share_of_the_steps_that_are_over_counts_the_scripts_own(bench_with, server):
    source = "def main(pc, params):\n    pc.progress_set_total(2)\n    pc.progress_next('one')\n    raise ValueError\n"
    report = bench_with(server.url).run(source, input_url=f"{server.url}/models/part.step")
    assert (report.percent, len(report.progress.steps)) == (50, 2)


def test_a_file_on_the_share_is_read_where_it_lies(bench_with, tmp_path):
    share = tmp_path / "share"
    bench = bench_with("file", share=share)
    (share / "models").mkdir()
    (share / "models" / "a b.step").write_bytes(PART)
    source = "def main(pc, params):\n    return pc.get_input_file()\n"
    for url in ("file:models/a%20b.step", f"file://{share}/models/a%20b.step"):
        report = bench.run(source, input_url=url)
        assert json.loads(report.result or "null") == str(share / "models" / "a b.step"), report.error


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:../secret", "is not on the share"),
        ("file:///etc/passwd", "is not on the share"),
        ("file:models/link", "is not on the share"),
        ("file:.state/x", "folder of the scheduler's own"),
        ("file:models/nix.step", "is no file on the share"),
        ("file:models", "is no file on the share"),
        ("file:00000000-0000-4000-8000-000000000000/outputs/x", "name that job by config.input_job"),
    ],
)
def test_what_is_not_for_everybody_on_the_share_is_refused(bench_with, tmp_path, url, said):
    share = tmp_path / "share"
    bench = bench_with("file", share=share)
    (share / "models").mkdir()
    (tmp_path / "secret").touch()
    (share / "models" / "link").symlink_to(tmp_path / "secret")
    report = bench.run(READ, input_url=url)
    assert (report.state, report.cause) == (JobState.FAILURE, "script_error")
    assert said in report.error


def test_without_leave_nothing_is_fetched(bench_with, server):
    report = bench_with().run(READ, input_url=f"{server.url}/models/part.step")
    assert report.state is JobState.FAILURE
    assert "ALLOW_INPUT_URLS" in report.error
    assert server.asked == []


def test_a_server_that_is_busy_hinders_and_costs_the_job_nothing(bench_with, server):
    bench = bench_with(server.url)
    job_id = bench.submit(READ, input_url=f"{server.url}/busy")
    bench.execution.run(job_id, queue="cpu")
    report = bench.records.report(job_id)
    assert (report.state, report.cause, report.tally.crashes) == (JobState.RETRY, "infrastructure", 0)
    assert report.error == f"{server.url}/busy cannot be fetched now: 503 Service Unavailable."


def test_what_is_not_there_is_a_failure_at_once(bench_with, server):
    report = bench_with(server.url).run(READ, input_url=f"{server.url}/nix")
    assert (report.state, report.cause, report.retries) == (JobState.FAILURE, "script_error", 0)
    assert report.error == f"{server.url}/nix is not to be had: 404 Not Found."


def test_a_share_that_is_full_hinders_and_nothing_half_is_left(bench_with, server, tmp_path, request):
    bench = bench_with(server.url)
    small_disk(tmp_path / "share", "64k", request)
    server.answers["/large.step"] = (200, {}, bytes(1 << 20))
    job_id = bench.submit(READ, input_url=f"{server.url}/large.step")
    bench.execution.run(job_id, queue="cpu")
    report = bench.records.report(job_id)
    assert (report.state, report.cause) == (JobState.RETRY, "infrastructure")
    assert report.error.startswith("No room left for large.step")
    assert [path.name for path in bench.share.folder(job_id).inputs.iterdir()] == ["script.py"]


def test_a_worker_without_room_to_unpack_hinders_the_job(slots, tmp_path, request):
    workspace = small_disk(tmp_path / "small", "64k", request)
    (workspace / "tmp").mkdir()
    with zipfile.ZipFile(tmp_path / "large.zip", "w") as archive:
        archive.writestr("large.step", bytes(1 << 20))
    (tmp_path / "script.py").write_text(READ)
    context = {"script": str(tmp_path / "script.py"), "input_file": str(tmp_path / "large.zip")}
    asked = {"type": "request", "context": context, "workspace": str(workspace)}
    said = []
    with slots.child(asked, since=lambda: time.monotonic() + 60) as child:
        while not any(isinstance(event, Exited) for event in said):
            said += child.events(None)
    assert [event.content["type"] for event in said if isinstance(event, Message)] == ["hindered"]


@pytest.fixture
def fetch(server, tmp_path):
    """Fetch in this process, where each part can be looked at."""
    folder = tmp_path / "inputs"
    folder.mkdir()

    def fetch(path, *, allowed=None, **how):
        download = Download(AllowedUrls.of(allowed or [server.url]), **how)
        url = path if "://" in path else f"{server.url}{path}"
        return download.fetch(download.allowed.check(url), folder, beside="script.py")

    yield fetch
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/models/part.step", "part.step"),
        ("/on", "part.step"),
        ("/named", "teil.stp"),
        ("/script.py", "script_2.py"),
        ("/unknown-size", "unknown-size"),
    ],
)
def test_the_file_has_the_name_that_the_server_gives_it(fetch, path, name):
    found = fetch(path)
    assert (found.name, found.read_bytes()) == (name, PART)


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        ("/denied", InputMissing, "is not to be had: 403 Forbidden"),
        ("/packed", InputMissing, "in the encoding 'gzip'"),
        ("/round", InputMissing, "leads on more than 5 times"),
        ("/nowhere", InputMissing, "does not say where"),
        ("/away", InvalidConfig, r"leads on: config.input_url http://127.0.0.2:1/x is not allowed"),
        ("/to-file", InvalidConfig, "leads on: config.input_url file:/etc/passwd is not allowed"),
        ("/cut", Unavailable, "was cut off"),
    ],
)
def test_an_answer_that_is_no_file_is_told(fetch, path, error, said):
    with pytest.raises(error, match=said):
        fetch(path)


@pytest.mark.parametrize("path", ["/models/part.step", "/unknown-size"])
def test_a_file_over_the_limit_is_not_taken_whether_its_size_is_told_or_not(fetch, path):
    with pytest.raises(UploadTooLarge, match=r"has more than 5.762 KiB \(MAX_UPLOAD_SIZE\)"):
        fetch(path, max_bytes=5900)


def test_a_disk_without_room_is_told_before_anything_comes(fetch):
    with pytest.raises(StorageFull, match="MIN_FREE_SPACE"):
        fetch("/models/part.step", min_free=1 << 60)


def test_nobody_there_is_unavailable(fetch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(Unavailable, match="does not answer"):
        fetch(f"http://127.0.0.1:{port}/x", allowed=[f"http://127.0.0.1:{port}"])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_a_private_address_is_not_asked_unless_its_host_is_named(fetch, server, host):
    with pytest.raises((InputMissing, Unavailable), match=r"private network|not known"):
        fetch(f"http://{host}:{server.server_address[1]}/models/part.step", allowed=["http"])
    assert server.asked == []


def addresses_of(*texts):
    """A resolver that gives another answer each time it is asked, and counts."""
    answers = list(texts)

    def resolve(_, port):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    resolve.left = answers
    return resolve


def test_the_address_that_was_looked_at_is_the_one_that_is_asked(fetch, server):
    """A name that answers something public first and something private then (DNS rebinding) gains nothing."""
    port = server.server_address[1]
    resolve = addresses_of("127.0.0.1", "10.0.0.1")
    found = fetch(
        f"http://models.test:{port}/models/part.step", allowed=[f"http://models.test:{port}"], resolve=resolve
    )
    assert found.read_bytes() == PART
    assert resolve.left == ["10.0.0.1"]
    assert server.asked[0][1]["Host"] == f"models.test:{port}"


def test_a_name_of_a_public_host_that_leads_to_a_private_address_is_not_asked(fetch, server):
    port = server.server_address[1]
    with pytest.raises(InputMissing, match="private network"):
        fetch(f"http://models.test:{port}/x", allowed=["http"], resolve=addresses_of("127.0.0.1"))
    assert server.asked == []


def test_each_host_on_the_way_is_looked_at(fetch, server):
    port = server.server_address[1]
    server.answers["/far"] = (302, {"Location": f"http://other.test:{port}/models/part.step"}, b"")
    with pytest.raises(InputMissing, match=r"The host of http://other.test:\d+/models/part.step has an addr"):
        fetch("/far", allowed=[server.url, "http"], resolve=addresses_of("127.0.0.1", "127.0.0.1"))
    assert [path for path, _ in server.asked] == ["/far"]


def test_a_password_is_told_to_nobody_else(fetch, server):
    port = server.server_address[1]
    server.answers["/far"] = (302, {"Location": f"http://other.test:{port}/models/part.step"}, b"")
    fetch(
        f"http://me:secret@models.test:{port}/far",
        allowed=[f"http://models.test:{port}", f"http://other.test:{port}"],
        resolve=addresses_of("127.0.0.1", "127.0.0.1"),
    )
    assert ["Authorization" in headers for _, headers in server.asked] == [True, False]


@pytest.fixture
def safe_server(tmp_path):
    """A server with a certificate for `models.test` that nobody has signed; and that certificate."""
    if shutil.which("openssl") is None:
        missing("openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=models.test"),
            *("-addext", "subjectAltName=DNS:models.test", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    with serving({"/part.step": (200, {}, PART)}) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield server, certificate


@pytest.mark.parametrize(
    ("host", "trusted", "said"),
    [
        ("models.test", True, None),
        ("models.test", False, "its certificate does not hold: self.signed certificate"),
        ("other.test", True, "its certificate does not hold: Hostname mismatch"),
    ],
)
def test_a_certificate_must_hold_for_the_name_that_was_asked(fetch, safe_server, monkeypatch, host, trusted, said):
    server, certificate = safe_server
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    address = f"https://{host}:{server.server_address[1]}"
    how = {"allowed": [address], "resolve": addresses_of("127.0.0.1")}
    if said is None:
        assert fetch(f"{address}/part.step", **how).read_bytes() == PART
    else:
        with pytest.raises(InputMissing, match=said):
            fetch(f"{address}/part.step", **how)
