"""docs/how-to/monitor.md, as somebody follows it: `up`, a key, and the real Prometheus."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from pixyz_scheduler.cli.server import free_port
from tests.conftest import missing
from tests.e2e.guide import ROOT, Guide, Reader
from tests.e2e.test_up import home, start_up  # noqa: F401  (fixtures)


def two_free_ports():
    """One after the other."""
    while True:
        port = free_port()
        try:
            with socket.create_server(("127.0.0.1", port)), socket.create_server(("127.0.0.1", port + 1)):
                return port
        except OSError:
            continue


class Here:
    """The page's ports, as they are here."""

    def __init__(self, api: str) -> None:
        worker = two_free_ports()
        self.worker = worker
        self._ports = {"8001": api, "9464": str(worker), "9465": str(worker + 1), "9090": str(free_port())}

    def at(self, text: str) -> str:
        for port, own in self._ports.items():
            text = text.replace(port, own)
        return text


@pytest.fixture
def reader(prometheus, tmp_path):
    for program in ("bash", "curl", "python3"):
        if shutil.which(program) is None:
            missing(f"{program}, with which the page's commands are run")
    programs = os.pathsep.join([str(Path(prometheus.server).parent), str(Path(prometheus.tool).parent)])
    (tmp_path / "reader").mkdir()
    (tmp_path / "reader" / "deploy").symlink_to(ROOT / "deploy")
    return Reader(tmp_path / "reader", {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"})


def test_the_page_leads_to_a_prometheus_that_sees_the_farm(reader, home, tmp_path, start_up):  # noqa: F811
    here = Here(home["API_PORT"])
    key, look, copy, run = (here.at(block) for block in Guide("docs/how-to/monitor.md").blocks)
    digest = reader.follow([key])[0].strip()
    settings = {"METRICS_PASSWORD_SHA256": digest, "METRICS_PORT": str(here.worker), "METRICS_HOST": "127.0.0.1"}
    start_up({**home, **settings}, tmp_path)
    while not _answers(here.worker) or not _answers(here.worker + 1):
        time.sleep(0.1)
    (told,) = reader.follow([look])
    assert "pixyz_jobs_submitted_total" in told
    assert 'queues="cpu,gpu,gpuhigh"' in told
    assert '"status": "ok"' in told
    reader.follow([copy.replace("cp -r", "cp -rL")])
    example = reader.folder / "monitoring" / "prometheus.yml"
    example.write_text(here.at(example.read_text()).replace("15s", "1s"))
    process = subprocess.Popen(run.split(), cwd=example.parent, env=reader.environment)
    try:
        ask = run.split("=")[-1].strip()
        while _up(f"http://{ask}/api/v1/query") != 3:
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False).is_success
    except httpx.TransportError:
        return False


def _up(url: str) -> int:
    try:
        found = httpx.get(url, params={"query": 'sum(up{job=~"pixyz-.*"})'}, trust_env=False).json()["data"]["result"]
    except (httpx.TransportError, KeyError, ValueError):
        return 0
    return int(found[0]["value"][1]) if found else 0


def test_up_refuses_a_metrics_port_that_is_taken(home, tmp_path):  # noqa: F811
    port = two_free_ports()
    with socket.create_server(("127.0.0.1", port + 1)):
        done = subprocess.run(
            [sys.executable, "-m", "pixyz_scheduler", "up"],
            env={**home, "METRICS_PORT": str(port), "METRICS_HOST": "127.0.0.1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, f"port {port + 1} of 127.0.0.1" in done.stderr) == (1, True), done.stderr
    assert "METRICS_PORT" in done.stderr
