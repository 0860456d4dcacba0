"""The client against the real stack: a folder of parts, resumed downloads, both Python clients."""

import asyncio
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pexpect

from pixyz_scheduler.client import AsyncSchedulerClient, SchedulerClient

BOX = Path(__file__).parents[2] / "samples" / "box.step"
GATE = """import os, time

def main(pc, params):
    open(params["mark"] + os.path.basename(pc.get_input_file()), "w").close()
    while not os.path.exists(params["gate"]):
        time.sleep(0.02)
    with open(os.path.join(pc.get_output_dir(), "made.txt"), "w") as made:
        made.write(os.path.basename(pc.get_input_file()))
"""


def folder_of_boxes(folder, *names):
    for name in names:
        path = folder / "parts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BOX.read_bytes())


def test_a_folder_is_converted_and_again_only_what_failed_is_done(cli, tmp_path):
    folder_of_boxes(tmp_path, "a.step", "sub/a.step", "a.stp")
    (tmp_path / "parts" / "bad.step").write_text("no step at all")
    command = ("batch", "parts/**/*.st*p", "-n", "convert_file", "-o", "out")
    done = cli(*command, status=10)
    made = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.glb")}
    assert made == {"a.glb", "a.stp.glb", "sub/a.glb"}
    assert {line.split("out/")[1] for line in done.stdout.splitlines()} == made
    assert "bad.step cannot be read" in done.stderr
    assert (tmp_path / "out" / "a.glb").read_bytes()[:4] == b"glTF"
    folder_of_boxes(tmp_path, "bad.step")
    *ends, last = map(json.loads, cli(*command, "--json").stdout.splitlines())
    assert {end["input"]: end["status"] for end in ends}["parts/bad.step"] == "SUCCESS"
    assert last == {"summary": {"total": 4, "left": 0, "done": 1, "skipped": 3}}


def test_a_batch_that_is_killed_is_taken_up_by_the_same_jobs(stack, cli, api, tmp_path):
    folder_of_boxes(tmp_path, "left.step", "right.step")
    (tmp_path / "gate.py").write_text(GATE)
    params = json.dumps({"mark": f"{tmp_path}/mark-", "gate": str(tmp_path / "gate")})
    command = ["batch", "parts", "-s", "gate.py", "-p", params, "-o", "out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pixyz_scheduler", *command],
        cwd=tmp_path,
        env=stack.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    before = {job["uuid"] for job in api.get("/jobs").json()["jobs"]}
    while not list(tmp_path.glob("mark-*")) or len(_jobs(api)) < 2:
        before |= set(_jobs(api))
    process.send_signal(signal.SIGKILL)
    process.wait()
    (tmp_path / "gate").touch()
    ends = [json.loads(line) for line in cli(*command, "--json").stdout.splitlines()[:-1]]
    assert {end["uuid"] for end in ends} <= before | set(_jobs(api))
    assert (tmp_path / "out" / "left.txt").read_text() == "left.step"
    assert (tmp_path / "out" / "right.txt").read_text() == "right.step"
    assert len(list(tmp_path.glob("mark-*"))) == 2
    assert len(_jobs(api)) == 2


def _jobs(api):
    return [job["uuid"] for job in api.get("/jobs").json()["jobs"] if job["name"] in {"left.step", "right.step"}]


def test_a_download_that_was_interrupted_goes_on_where_it_was(stack, cli, tmp_path):
    script = tmp_path / "big.py"
    script.write_text(
        "import os\n\ndef main(pc, params):\n"
        "    with open(os.path.join(pc.get_output_dir(), 'big.bin'), 'wb') as big:\n"
        "        for number in range(64): big.write(bytes([number]) * (1 << 18))\n"
    )
    uuid = cli("exec", "-s", script, "-wb").stdout.strip()

    def stop(done, _):
        if done > 5_000_000:
            raise KeyboardInterrupt

    with SchedulerClient(stack.url, stack.key) as client:
        try:
            client.download(uuid, "big.bin", tmp_path / "big.bin", on_bytes=stop)
        except KeyboardInterrupt:
            kept = (tmp_path / "big.bin.part").stat().st_size
        told = []
        client.download(uuid, "big.bin", tmp_path / "big.bin", on_bytes=lambda done, _: told.append(done))
    assert kept > 5_000_000
    assert told[0] > kept
    assert (tmp_path / "big.bin").read_bytes() == b"".join(bytes([number]) * (1 << 18) for number in range(64))
    assert not list(tmp_path.glob("*.part*"))


def test_a_workflow_is_shown_as_a_tree_and_drawn(stack, cli, tmp_path):
    script = tmp_path / "flow.py"
    script.write_text(
        "from pixyz_worker.script import *\n\n"
        "def main(pc, params):\n"
        "    first = pixyz_execute.s(params, pc.clone().update(entrypoint='cut', raw=True, compute_only=True))\n"
        "    second = pixyz_execute.s(pc=pc.clone().update(entrypoint='glue', raw=True, compute_only=True))\n"
        "    return chain(first, second)().as_tuple()\n\n"
        "def cut(pc, params):\n    return 1\n\n"
        "def glue(pc, params):\n    return params + 1\n"
    )
    uuid = cli("exec", "-s", script, "-wb").stdout.strip()
    with SchedulerClient(stack.url, stack.key) as client:
        children = [node for node in client.graph(uuid).nodes if node.id != uuid]
        for node in children:
            assert client.wait(node.id).succeeded
    rows = [line.split("\t") for line in cli("graph", "-j", uuid).stdout.splitlines()]
    assert [(row[0].strip(), row[1]) for row in rows[1:]] == [("cut", "SUCCESS"), ("glue", "SUCCESS")]
    assert rows[2][5] == "after cut"
    assert all(row[0].startswith("  ") for row in rows[1:])
    assert json.loads(cli("graph", "-j", uuid, "--json").stdout)["root"] == uuid
    assert cli("graph", "-j", uuid, "--format", "svg").stdout.startswith("<svg")
    assert cli("graph", "-j", uuid, "--format", "mermaid").stdout


def test_both_clients_go_from_submit_to_files_in_one_breath(stack, tmp_path):
    with SchedulerClient(stack.url, stack.key) as client:
        (one,) = client.submit(process="convert_file", file=BOX).wait().download(tmp_path / "one")

    async def story():
        async with AsyncSchedulerClient(stack.url, stack.key) as client:
            job = await client.submit(process="convert_file", file=BOX)
            await job.wait()
            return await job.download(tmp_path / "two")

    (two,) = asyncio.run(story())
    assert one.read_bytes()[:4] == two.read_bytes()[:4] == b"glTF"


def test_on_a_terminal_a_batch_is_one_table_and_a_summary(stack, tmp_path):
    folder_of_boxes(tmp_path, *(f"{number}.step" for number in range(5)))
    child = pexpect.spawn(
        sys.executable,
        ["-m", "pixyz_scheduler", "batch", "parts", "-n", "convert_file", "-o", "out"],
        cwd=str(tmp_path),
        env={**stack.environment, "TERM": "xterm-256color"},
        timeout=120,
        dimensions=(24, 80),
        encoding="utf-8",
    )
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", child.read())
    child.close()
    assert child.exitstatus == 0, shown
    assert "5 done of 5." in shown
    assert "5/5" in shown
    assert len(list((tmp_path / "out").iterdir())) == 6
