"""The examples through the client's command line: on one worker of one slot, and on two hosts that share the queues."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.launcher.api_key import digest_of
from tests.chaos.hosts import Network
from tests.chaos.store import ChaosStore
from tests.conftest import missing

ROOT = Path(__file__).parents[2]
KEY = "the key of the examples"
ALL_QUEUES = "control,cpu,gpu,gpuhigh,zip"

T = TypeVar("T")


class Here:
    """This machine, where another test has a host."""

    def do(self, deed: Callable[[], T]) -> T:
        return deed()


@dataclass(frozen=True)
class Farm:
    """A store, an API, and workers; the client runs where the API does."""

    server: Here
    environment: dict[str, str]
    folder: Path
    hosts: int

    def cli(self, *arguments: object) -> str:
        """What a command prints, which must end well."""
        command = [sys.executable, "-m", "pixyz_scheduler", *map(str, arguments)]
        done = self.server.do(
            lambda: subprocess.run(
                command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=120
            )
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.log[-5000:]}"
        return done.stdout

    def result(self, name: str, *options: object) -> object:
        """What an example returns."""
        return json.loads(self.cli("exec", "-s", ROOT / "examples" / f"{name}.py", "-rw", *options))

    def run(self, name: str, *options: object) -> dict:
        """The details of an example that has ended, without more than its own folder."""
        uuid = self.cli("exec", "-s", ROOT / "examples" / f"{name}.py", "-wb", *options).strip()
        return self.details(uuid)

    def details(self, uuid: str) -> dict:
        return json.loads(self.cli("details", "-j", uuid, "--json"))

    def children(self, details: dict) -> dict[str, dict]:
        """The details of what it has started, by what they do."""
        of_children = [self.details(uuid) for uuid in details["children"]]
        names = {node["id"]: node["entrypoint"] for node in self.graph(details)["nodes"]}
        return {names[child["uuid"]]: child for child in of_children}

    def graph(self, details: dict) -> dict:
        return self.server.do(lambda: self._get(f"/jobs/{details['uuid']}/graph")).json()

    def _get(self, path: str) -> httpx.Response:
        url = self.environment["PIXYZ_URL"] + path
        return httpx.get(url, headers={"x-api-key": self.environment["PIXYZ_TOKEN"]}, timeout=30)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


@pytest.fixture(scope="module", params=["one worker of one slot", "two hosts"])
def farm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    folder = tmp_path_factory.mktemp("farm")
    with ExitStack() as stack:
        if request.param == "two hosts":
            server, *workers = _network(stack).hosts
            yield _farm(stack, folder, server, "10.77.0.1", list(zip(workers, ("control,cpu", "gpu,zip"), strict=True)))
        else:
            here = Here()
            yield _farm(stack, folder, here, "127.0.0.1", [(here, ALL_QUEUES)])


def test_hello(farm):
    assert farm.result("hello", "-p", '{"name": "Ada"}') == {"message": "Hello, Ada!"}


def test_sleep(farm):
    assert farm.result("sleep", "-p", '{"seconds": 0}') == {"seconds": 0}


def test_progress(farm):
    details = farm.run("progress", "-p", '{"steps": 2, "seconds": 0}')
    assert [step["info"] for step in details["steps"]] == ["Step 1 of 2", "Step 2 of 2"]
    assert details["result"] == {"steps": 2}


def test_convert(farm):
    pytest.importorskip("trimesh")
    details = farm.run("convert", "-i", ROOT / "samples" / "box.step")
    farm.cli("download", "-j", details["uuid"], "-f", "box.glb", "-o", farm.folder / "box.glb")
    assert (farm.folder / "box.glb").read_bytes()[:4] == b"glTF"


def test_chain(farm):
    details = farm.run("chain", "-p", '{"number": 4}')
    assert (details["status"], details["result"], len(details["children"])) == ("SUCCESS", {"number": 8}, 2)
    farm.cli("download", "-j", details["uuid"], "-f", "number.txt", "-o", farm.folder / "number.txt")
    assert (farm.folder / "number.txt").read_text() == "8"


def test_group(farm):
    details = farm.run("group", "-p", '{"numbers": [2, 3]}')
    assert (details["result"], details["progress"], len(details["steps"])) == ([4, 9], 100, 2)


def test_chord_sync(farm):
    assert farm.result("chord_sync") == {"words": 6}


def test_chord_async(farm):
    (total, ((_, nobody), squares)), nothing = farm.result("chord_async")
    assert (len(squares), nobody, nothing) == (3, None, None)
    farm.cli("status", "-j", total, "-w")
    assert farm.details(total)["result"] == 14


def test_workflow(farm):
    details = farm.run("workflow")
    assert details["result"] == {"words": 4, "text": "THE QUICK BROWN FOX"}
    graph = farm.graph(details)
    names = {node["id"]: node["entrypoint"] for node in graph["nodes"]}
    edges = {(names[edge["from"]], names[edge["to"]], edge["kind"]) for edge in graph["edges"]}
    assert edges == {
        ("main", "split", "starts"),
        ("split", "count", "then"),
        ("split", "shout", "then"),
        ("shout", "join", "then"),
        ("count", "report", "then"),
        ("join", "report", "then"),
    }


def test_cpu_to_gpu_chain(farm):
    details = farm.run("cpu_to_gpu_chain", "-p", '{"name": "cone"}')
    children = farm.children(details)
    assert details["result"]["name"] == "cone"
    assert [children[name]["queue"] for name in ("prepare", "draw")] == ["cpu", "gpu"]
    assert len({child["worker"] for child in children.values()}) == farm.hosts


def test_parallel_parts_merged(farm):
    trimesh = pytest.importorskip("trimesh")
    parts = farm.folder / "parts.zip"
    with zipfile.ZipFile(parts, "w") as archive:
        for name in ("box.step", "box.stl", "box.glb"):
            archive.write(ROOT / "samples" / name, f"parts/{name}")
    details = farm.run("parallel_parts_merged", "-i", parts)
    assert (details["result"]["parts"], len(details["children"])) == (3, 4)
    target = farm.folder / "assembly.glb"
    farm.cli("download", "-j", details["uuid"], "-f", details["result"]["output"], "-o", target)
    assert len(trimesh.load_scene(target).geometry) == 3


def _network(stack: ExitStack) -> Network:
    if sys.platform != "linux" or shutil.which("ip") is None:
        missing("Linux with the program ip")
    try:
        return stack.enter_context(Network(3))
    except (PermissionError, subprocess.CalledProcessError) as error:
        missing(f"The right to make network namespaces ({error})")
        raise


def _farm(stack: ExitStack, folder: Path, server: Here, address: str, workers: list[tuple[Here, str]]) -> Farm:
    store = ChaosStore(folder / "data", server.do(free_port), host=address)
    server.do(store.start)
    stack.callback(server.do, store.kill)
    port = server.do(free_port)
    url = f"redis://{address}:{store.port}/0"
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT / "src"),
        "CELERY_BROKER_URL": url,
        "CELERY_RESULT_BACKEND": url,
        "SHARE_PATH": str(folder / "share"),
        "PROCESS_PATH": str(ROOT / "processes"),
        "GOD_PASSWORD_SHA256": digest_of(KEY),
        "API_HOST": address,
        "API_PORT": str(port),
        "POOL_TYPE": "solo",
        "DRAIN_TIMEOUT": "0",
        "PIXYZ_URL": f"http://{address}:{port}",
        "PIXYZ_TOKEN": KEY,
    }
    log = stack.enter_context((folder / "log").open("wb"))
    for place, queues in ((server, ""), *workers):
        words = ("worker", "--no-watchdog") if queues else ("api",)
        told = {**environment, "QUEUE_NAME": queues} if queues else environment
        stack.callback(_end, place.do(lambda words=words, told=told: _start(words, told, log)))
    farm = Farm(server, environment, folder, len(workers))
    while not server.do(lambda: _answers(address, port)):
        time.sleep(0.1)
    return farm


def _start(words: tuple[str, ...], environment: dict[str, str], log: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "pixyz_scheduler", *words],
        env=environment,
        cwd=environment["HOME"],
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait()


def _answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False
