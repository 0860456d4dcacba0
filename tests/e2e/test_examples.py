"""The examples through the client's command line: on one worker of one slot, and on two hosts that share the queues."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.hosts import Network
from tests.conftest import missing
from tests.e2e.farms import ALL_QUEUES, ROOT, Farm, Here, a_farm


@pytest.fixture(scope="module", params=["one worker of one slot", "two hosts"])
def farm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    folder = tmp_path_factory.mktemp("farm")
    if request.param == "one worker of one slot":
        with a_farm(folder, [(Here(), ALL_QUEUES)]) as farm:
            yield farm
        return
    with _network() as network:
        server, one, other = network.hosts
        workers = [(one, "control,cpu"), (other, "gpu,zip")]
        with a_farm(folder, workers, server=server, address=network.address(server)) as farm:
            yield farm


def example(name: str) -> Path:
    return ROOT / "examples" / f"{name}.py"


def test_hello(farm):
    assert farm.result(example("hello"), "-p", '{"name": "Ada"}') == {"message": "Hello, Ada!"}


def test_sleep(farm):
    assert farm.result(example("sleep"), "-p", '{"seconds": 0}') == {"seconds": 0}


def test_progress(farm):
    details = farm.run(example("progress"), "-p", '{"steps": 2, "seconds": 0}')
    assert [step["info"] for step in details["steps"]] == ["Step 1 of 2", "Step 2 of 2"]
    assert details["result"] == {"steps": 2}


def test_convert(farm):
    pytest.importorskip("trimesh")
    details = farm.run(example("convert"), "-i", ROOT / "samples" / "box.step")
    farm.cli("download", "-j", details["uuid"], "-f", "box.glb", "-o", farm.folder / "box.glb")
    assert (farm.folder / "box.glb").read_bytes()[:4] == b"glTF"


def test_chain(farm):
    details = farm.run(example("chain"), "-p", '{"number": 4}')
    assert (details["status"], details["result"], len(details["children"])) == ("SUCCESS", {"number": 8}, 2)
    farm.cli("download", "-j", details["uuid"], "-f", "number.txt", "-o", farm.folder / "number.txt")
    assert (farm.folder / "number.txt").read_text() == "8"


def test_group(farm):
    details = farm.run(example("group"), "-p", '{"numbers": [2, 3]}')
    assert (details["result"], details["progress"], len(details["steps"])) == ([4, 9], 100, 2)


def test_chord_sync(farm):
    assert farm.result(example("chord_sync")) == {"words": 6}


def test_chord_async(farm):
    (total, ((_, nobody), squares)), nothing = farm.result(example("chord_async"))
    assert (len(squares), nobody, nothing) == (3, None, None)
    farm.cli("status", "-j", total, "-w")
    assert farm.details(total)["result"] == 14


def test_workflow(farm):
    details = farm.run(example("workflow"))
    assert details["result"] == {"words": 4, "text": "THE QUICK BROWN FOX"}
    graph = farm.graph(details["uuid"])
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
    details = farm.run(example("cpu_to_gpu_chain"), "-p", '{"name": "cone"}')
    children = farm.children(details)
    assert details["result"]["name"] == "cone"
    assert [children[name]["queue"] for name in ("prepare", "draw")] == ["cpu", "gpu"]
    assert len({child["worker"] for child in children.values()}) == len(farm.workers)


def test_parallel_parts_merged(farm):
    trimesh = pytest.importorskip("trimesh")
    parts = farm.folder / "parts.zip"
    with zipfile.ZipFile(parts, "w") as archive:
        for name in ("box.step", "box.stl", "box.glb"):
            archive.write(ROOT / "samples" / name, f"parts/{name}")
    details = farm.run(example("parallel_parts_merged"), "-i", parts)
    assert (details["result"]["parts"], len(details["children"])) == (3, 4)
    target = farm.folder / "assembly.glb"
    farm.cli("download", "-j", details["uuid"], "-f", details["result"]["output"], "-o", target)
    assert len(trimesh.load_scene(target).geometry) == 3


def _network() -> Network:
    if sys.platform != "linux" or shutil.which("ip") is None:
        missing("Linux with the program ip")
    try:
        return Network(3)
    except (PermissionError, subprocess.CalledProcessError) as error:
        return missing(f"The right to make network namespaces ({error})")
