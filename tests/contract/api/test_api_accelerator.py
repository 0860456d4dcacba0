"""Files that a proxy sends: what it is told, and nginx itself in front."""

import os
import socket
import subprocess
from contextlib import contextmanager

import httpx
import pytest

from tests.contract.api.conftest import KEY, serving, settings_for
from tests.fakes.nginx_program import nginx_program

DATA = os.urandom(300_000)
NAME = "deep/é #1.bin"
QUOTED = "deep/%C3%A9%20%231.bin"
CONF = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; {user}
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass {api}; }}
        location /pixyz-share/ {{
            internal; alias {share}/; disable_symlinks on; add_header X-Content-Type-Options nosniff;
        }}
    }}
}}
"""


@pytest.fixture
def accelerated(store_url, tmp_path, request):
    """Settings, and the address of an API whose files a proxy sends."""
    settings = settings_for(store_url, tmp_path, download_accelerator=getattr(request, "param", "x-accel-redirect"))
    with serving(settings) as address:
        yield settings, address


@contextmanager
def asking(address):
    """A client of this address, and a job there."""
    transport = httpx.HTTPTransport(retries=10)
    with httpx.Client(base_url=address, headers={"x-api-key": KEY}, transport=transport, trust_env=False) as http:
        yield http, http.post("/jobs", files={"script": ("a.py", "def main(pc, params): pass\n")}).json()["uuid"]


def write(settings, job_id):
    path = settings.share_path.resolve() / job_id / "outputs" / NAME
    path.parent.mkdir()
    path.write_bytes(DATA)
    return path


@pytest.mark.parametrize("accelerated", ["x-accel-redirect", "x-sendfile"], indirect=True)
def test_the_proxy_is_told_which_file_and_gets_no_bytes(accelerated):
    settings, address = accelerated
    with asking(address) as (http, job_id):
        write(settings, job_id)
        answer = http.get(f"/jobs/{job_id}/outputs/{QUOTED}", headers={"range": "bytes=1-2"})
        assert (answer.status_code, answer.content) == (200, b"")
        kind = settings.download_accelerator
        root = "/pixyz-share" if kind == "x-accel-redirect" else str(settings.share_path.resolve())
        assert answer.headers[kind] == f"{root}/{job_id}/outputs/{QUOTED}"
        assert http.get(f"/jobs/{job_id}/outputs/nope").status_code == 404


def test_without_it_no_header_tells_a_path(api):
    job_id = api.new_job()
    api.output(job_id, "a.bin", DATA)
    answer = api.http.get(f"/jobs/{job_id}/outputs/a.bin")
    assert answer.content == DATA
    assert not {"x-accel-redirect", "x-sendfile"} & set(answer.headers)


@pytest.fixture
def nginx(accelerated, tmp_path):
    """The address of nginx before that API."""
    program = nginx_program(tmp_path / "package")
    if program is None:
        # In CI too: it belongs to who runs it, and no bare machine has it. See docs/explanation/what-is-tested.md.
        pytest.skip("nginx is neither here nor to be had from Debian's packages")
    settings, api = accelerated
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "nginx"
    folder.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    share = settings.share_path.resolve()
    (folder / "conf").write_text(CONF.format(folder=folder, port=port, api=api, share=share, user=user))
    with subprocess.Popen([program, "-c", folder / "conf", "-p", folder, "-e", folder / "error.log"]) as running:
        yield f"http://127.0.0.1:{port}"
        running.terminate()


def test_nginx_sends_the_file_its_ranges_and_nothing_that_is_not_asked_through_the_api(accelerated, nginx):
    with asking(nginx) as (http, job_id):
        write(accelerated[0], job_id)
        path = f"/jobs/{job_id}/outputs/{QUOTED}"
        whole = http.get(path)
        assert whole.content == DATA
        assert whole.headers["content-type"] == "application/octet-stream"
        assert whole.headers["x-content-type-options"] == "nosniff"
        assert "x-accel-redirect" not in whole.headers
        part = http.get(path, headers={"range": "bytes=100-199", "if-range": whole.headers["etag"]})
        assert (part.status_code, part.content) == (206, DATA[100:200])
        assert http.head(path).headers["content-length"] == str(len(DATA))
        assert http.get(path, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
        assert http.get(f"/pixyz-share/{job_id}/outputs/{QUOTED}").status_code == 404
        assert http.get(path, headers={"x-api-key": "wrong"}).status_code == 401
