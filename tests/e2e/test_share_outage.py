"""The share is away: a real one, mounted by sshfs on another host. Jobs wait, and end once it is back."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.farm import Farm
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.launcher.api_key import digest_of
from tests.chaos.hosts import Host, Network
from tests.chaos.store import ChaosStore
from tests.conftest import missing
from tests.fakes.own_mounts import leave_the_mounts
from tests.fakes.sftp_share import SftpShare, sftp_programs

ROOT = Path(__file__).parents[2]
KEY = "the key of the share"
STORE_PORT, API_PORT, FILES_PORT = 7379, 8080, 7380
SCALE = 0.3
LEASE = 7000 * SCALE
# It prints and writes, beside the share and on it, once it is let through.
SOURCE = """
import os, time

def main(pc, params):
    open(params["here"], "w").close()
    while not os.path.exists(params["gate"]):
        time.sleep(0.01)
    print("through the gate", flush=True)
    with open(pc.get_output_dir("made.txt"), "w") as file:
        file.write("made")
    return "made"
"""


@dataclass(frozen=True)
class Apart:
    """The store on one host, the API and the files on a second, a worker on a third, which has mounted them."""

    folder: Path
    network: Network
    share: SftpShare
    sshfs: "subprocess.Popen[bytes]"
    http: httpx.Client

    @property
    def store(self) -> Host:
        return self.network.hosts[0]

    @property
    def files(self) -> Host:
        return self.network.hosts[1]

    @property
    def worker(self) -> Host:
        return self.network.hosts[2]

    def send(self, name: str) -> str:
        params = {"here": str(self.folder / f"{name}.here"), "gate": str(self.folder / f"{name}.gate")}
        answer = self.files.do(
            lambda: self.http.post("/jobs", files={"script": ("job.py", SOURCE)}, data={"params": json.dumps(params)})
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["uuid"]

    def begun(self, name: str) -> None:
        while not (self.folder / f"{name}.here").exists():
            time.sleep(0.02)

    def open(self, name: str) -> None:
        (self.folder / f"{name}.gate").touch()

    def ended(self, job_id: str) -> dict:
        def look() -> dict:
            answer = self.http.get(f"/jobs/{job_id}/details")
            return answer.json() if answer.is_success else {"status": "UNKNOWN"}

        while (details := self.files.do(look))["status"] not in ("SUCCESS", "FAILURE"):
            time.sleep(0.05)
        return details

    def made(self, job_id: str) -> str:
        return self.files.do(lambda: self.http.get(f"/jobs/{job_id}/outputs/made.txt")).text

    def in_store(self, ask: Callable[[RecordStore], object]) -> object:
        """What the store says, asked beside it."""

        def look() -> object:
            with connect(f"redis://{self.network.address(self.store)}:{STORE_PORT}/0") as client:
                return ask(RecordStore(client))

        return self.store.do(look)

    def clock(self) -> float:
        """The store's logical time in ms."""
        return self.in_store(lambda store: float(store._client.hget("ps:clk", "t")))


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Apart]:
    if sys.platform != "linux" or shutil.which("ip") is None:
        missing("Linux with the program ip")
    if not Path("/dev/fuse").exists():
        pytest.skip("this kernel has no FUSE")
    programs = sftp_programs(tmp_path / "programs")
    if programs is None:
        pytest.skip("the Debian packages sshfs and openssh-sftp-server are not to be had")
    for name in ("share", "local"):
        (tmp_path / name).mkdir()
    with ExitStack() as stack:
        try:
            network = stack.enter_context(Network(3))
            network.hosts[2].do(leave_the_mounts)
        except (PermissionError, subprocess.CalledProcessError) as error:
            missing(f"The right to make network namespaces ({error})")
        at_store, at_files, at_worker = network.hosts
        store = ChaosStore(tmp_path / "data", STORE_PORT, host=network.address(at_store))
        at_store.do(store.start)
        stack.callback(at_store.do, store.kill)
        address = network.address(at_files)
        share = SftpShare(programs, tmp_path / "share", host=at_files, address=address, port=FILES_PORT)
        stack.callback(share.close)
        environment = environment_of(tmp_path, store=network.address(at_store), api=address)
        start(stack, at_files, ("api",), environment)
        http = stack.enter_context(
            httpx.Client(base_url=f"http://{address}:{API_PORT}", headers={"x-api-key": KEY}, timeout=30)
        )
        while not at_files.do(lambda: answers(http)):
            time.sleep(0.1)
        sshfs = share.mount(at_worker)
        start(stack, at_worker, ("worker", "--no-watchdog"), environment)
        yield Apart(tmp_path, network, share, sshfs, http)


def environment_of(folder: Path, *, store: str, api: str) -> dict[str, str]:
    url = f"redis://{store}:{STORE_PORT}/0"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT / "src"),
        "CELERY_BROKER_URL": url,
        "CELERY_RESULT_BACKEND": url,
        "SHARE_PATH": str(folder / "share"),
        "PROCESS_PATH": str(ROOT / "processes"),
        "TMPDIR": str(folder / "local"),
        "GOD_PASSWORD_SHA256": digest_of(KEY),
        "API_HOST": api,
        "API_PORT": str(API_PORT),
        "QUEUE_NAME": "cpu",
        "ENGINE": "none",
        "LEASE_TIME_SCALE": str(SCALE),
        "MIN_FREE_SPACE": "0",
        "DRAIN_TIMEOUT": "0",
    }


def start(stack: ExitStack, host: Host, words: tuple[str, ...], environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pixyz_scheduler", *words]
    process = host.do(
        lambda: subprocess.Popen(command, env=environment, cwd=environment["HOME"], start_new_session=True)
    )

    def end() -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()

    stack.callback(end)


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/health/ready").is_success
    except httpx.HTTPError:
        return False


def outcomes(details: dict) -> list[str]:
    return [attempt["outcome"] for attempt in details["attempts"]]


def test_a_job_whose_files_hang_keeps_its_lease_and_ends_when_they_are_back(apart):
    running, waiting = apart.send("running"), apart.send("waiting")
    apart.begun("running")
    apart.open("waiting")
    apart.network.cut(apart.files)
    apart.open("running")
    # For three leases, by the store's own clock, it neither ends nor is given to anybody.
    began = apart.clock()
    while apart.clock() < began + 3 * LEASE:
        time.sleep(0.1)
    record = apart.in_store(lambda store: store.record(running))
    assert (record["state"] in ("STARTED", "RUNNING"), record["epoch"]) == (True, "1")
    apart.network.heal(apart.files)
    ended = [apart.ended(job_id) for job_id in (running, waiting)]
    assert [(each["status"], outcomes(each)) for each in ended] == [("SUCCESS", ["success"])] * 2
    assert [apart.made(job_id) for job_id in (running, waiting)] == ["made", "made"]


def test_a_share_that_is_gone_is_no_fault_of_any_job_s(apart):
    running = apart.send("running")
    apart.begun("running")
    apart.sshfs.kill()
    apart.sshfs.wait()
    apart.open("running")
    while apart.in_store(lambda store: store.record(running)["state"]) != "RETRY":
        time.sleep(0.05)
    waiting = apart.send("waiting")
    apart.open("waiting")
    # The worker says what keeps it from working.
    while not (trouble := apart.in_store(lambda store: Farm(store).workers()[0].trouble)):
        time.sleep(0.05)
    assert "share" in str(trouble).lower()
    apart.share.mount(apart.worker)
    ended = [apart.ended(job_id) for job_id in (running, waiting)]
    assert [each["status"] for each in ended] == ["SUCCESS"] * 2
    told = [outcomes(each) for each in ended]
    # What it met counts for nothing; where the share is away already, none is begun.
    assert (told[0][0], told[0][-1], told[1][-1]) == ("infrastructure", "success", "success")
    assert set(told[0][1:-1]) | set(told[1][:-1]) <= {"infrastructure"}
    assert [apart.made(job_id) for job_id in (running, waiting)] == ["made", "made"]
