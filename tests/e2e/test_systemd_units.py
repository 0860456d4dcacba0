"""The units of deploy/systemd: what systemd's own tools say of them, and the programs under their hardening.

The machine is set up by the commands of docs/how-to/workers-on-more-machines.md. Of these are not run: apt-get, pip
(the packages have tests), systemctl, what mounts the share, and usermod.
"""

import ctypes.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import redis

from pixyz_scheduler.broker.store_server import find_server
from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.settings.settings import Settings
from tests.conftest import missing
from tests.e2e.guide import Guide
from tests.fakes.debian_packages import unpacked
from tests.fakes.own_mounts import OwnMounts
from tests.fakes.unit_sandbox import read_unit, said

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "systemd"
UNITS = {"pixyz-scheduler-api.service": 1.7, "pixyz-scheduler-worker@.service": 2.3}
PROGRAM = "/opt/pixyz-scheduler/bin/pixyz-scheduler"
WORKER_UNIT = FOLDER / "pixyz-scheduler-worker@.service"
# What is written where, what is held, and whether it may still do what a job may.
LOOK = """
import os, socket, subprocess, tempfile

def main(pc, params):
    def may(deed):
        try:
            deed()
            return True
        except OSError:
            return False

    status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
    seen = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    open(pc.get_output_dir("made.txt"), "w").write("made")
    return {
        "uid": os.getuid(),
        "status": [int(status[name], 16) for name in ("NoNewPrivs", "CapEff", "CapBnd", "Seccomp")],
        "writes": [place for place in params["places"] if os.access(place, os.W_OK)],
        "strangers": [pid for pid in seen if os.stat(f"/proc/{pid}").st_uid != os.getuid()],
        "raw_socket": may(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
        "mount": subprocess.run(["unshare", "--user", "true"], capture_output=True).returncode == 0,
        "temporary": tempfile.gettempdir(),
    }
"""
HOARD = "def main(pc, params):\n    held = bytearray(600 << 20)\n    import time\n    time.sleep(600)\n"
CRASH = "import ctypes\n\ndef main(pc, params):\n    ctypes.string_at(0)\n"
LONG = "import time\n\ndef main(pc, params):\n    pc.progress_next('on')\n    time.sleep(600)\n"
PLACES = ["/usr", "/etc", "/opt", "/var/lib", "/proc/sys/kernel", "/sys/kernel", "/srv"]


@pytest.fixture(scope="module")
def systemd_analyze(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    found = shutil.which("systemd-analyze")
    if found is not None:
        return [found]
    folder = unpacked(tmp_path_factory.mktemp("systemd") / "unpacked", "systemd", "libsystemd-shared")
    if folder is None:
        pytest.skip("systemd-analyze is not here, and its Debian package is not to be had")
    return ["env", f"LD_LIBRARY_PATH={folder}/usr/lib/x86_64-linux-gnu/systemd", f"{folder}/usr/bin/systemd-analyze"]


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """As installed, an instance for the template, with a program that is there."""
    found = []
    for name in UNITS:
        text = (FOLDER / name).read_text()
        assert text.count(PROGRAM) == 1
        path = tmp_path / name.replace("@.", "@cpu.")
        path.write_text(text.replace(PROGRAM, "/bin/true"))
        found.append(path)
    return found


def test_systemd_has_no_word_against_them(systemd_analyze, units):
    done = subprocess.run([*systemd_analyze, "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_would_find_a_slip(systemd_analyze, units):
    units[0].write_text(units[0].read_text().replace("RestrictRealtime=yes", "RestrictRealtimes=yes"))
    done = subprocess.run(
        [*systemd_analyze, "verify", "--man=no", units[0]], capture_output=True, text=True, check=False
    )
    assert "RestrictRealtimes" in done.stderr


def test_their_exposure_is_low(systemd_analyze, units):
    """systemd's own figure, 0 to 10."""
    for path, most in zip(units, UNITS.values(), strict=True):
        done = subprocess.run(
            [*systemd_analyze, "security", "--offline=yes", f"--threshold={round(most * 10)}", "--no-pager", path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_worker_is_given_more_time_than_its_drain_takes():
    unit = read_unit(WORKER_UNIT)
    # And the watchdog waits for ten seconds more.
    assert float(said(unit, "TimeoutStopSec")) >= Settings().drain_timeout + 30
    assert said(unit, "KillMode") == "mixed"
    # Else one job's end for want of memory would end all others.
    assert said(unit, "OOMPolicy") == "continue"


@pytest.mark.parametrize("path", sorted((FOLDER / "conf").iterdir()), ids=lambda path: path.name)
def test_the_files_of_settings_read_the_same_by_systemd_and_by_us(path):
    """Plain NAME=value, comments on lines of their own: nothing that the two would read in two ways."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[A-Z0-9_]+=[A-Za-z0-9_.,/:-]+", line), line
    settings = Settings.load(environ=dict(line.split("=") for line in lines), cwd=Path("/"))
    assert settings.warnings == ()
    assert {line.partition("=")[0].lower() for line in lines} <= Settings.model_fields.keys()


def test_every_kind_of_queue_has_a_worker():
    said = [line for path in (FOLDER / "conf").iterdir() for line in path.read_text().splitlines()]
    queues = [line.partition("=")[2] for line in said if line.startswith("QUEUE_NAME=")]
    assert set(",".join(queues).split(",")) == set(Settings().queue_name)


Process = subprocess.Popen


@dataclass(frozen=True)
class Machine:
    """A machine on which somebody has followed the guide; its mounts are its own. It plays all parts."""

    place: OwnMounts
    http: httpx.Client
    store: int
    password: str

    def start(self, unit: str, instance: str = "") -> Process:
        """As systemd would."""
        command = [sys.executable, str(ROOT / "tests/fakes/unit_sandbox.py"), str(FOLDER / unit), instance]
        return self.place.do(lambda: Process(["unshare", "--mount", *command], env=os.environ))

    def send(self, source: str, *, queue: str = "cpu", **params: object) -> str:
        said = {"params": json.dumps(params), "config": json.dumps({"queue": queue})}
        answer = self.http.post("/jobs", files={"script": ("job.py", source)}, data=said)
        assert answer.status_code == 200, answer.text
        return answer.json()["uuid"]

    def details(self, job_id: str) -> dict:
        return self.http.get(f"/jobs/{job_id}/details").json()

    def ended(self, job_id: str) -> dict:
        while (details := self.details(job_id))["status"] not in ("SUCCESS", "FAILURE"):
            time.sleep(0.05)
        return details


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if sys.platform != "linux" or os.geteuid() != 0:
        missing("Linux, and root")
    if not shutil.which("systemd-sysusers") or not ctypes.util.find_library("seccomp"):
        pytest.skip("systemd-sysusers, systemd-analyze or libseccomp is not here")
    api, store = free_port(), free_port()
    with ExitStack() as stack:
        place = stack.enter_context(OwnMounts())
        lay_out(place)
        password = type_in(place, block_with("install redis-server")).split()[-1]
        stack.enter_context(a_store(place, store, tmp_path_factory.mktemp("store")))
        type_in(place, block_with("-d -o 1001"))
        type_in(place, block_with("systemd-sysusers"))
        settle(place, store=store, password=password, api=api)
        key = type_in(place, block_with("KEY=")).strip()
        type_in(place, "systemd-tmpfiles --create /etc/tmpfiles.d/pixyz-scheduler.conf")
        http = httpx.Client(base_url=f"http://127.0.0.1:{api}", headers={"x-api-key": key}, timeout=30)
        yield Machine(place, stack.enter_context(http), store, password)


def block_with(words: str) -> str:
    """The one of the guide's commands that has these words."""
    (found,) = [block for block in Guide("docs/how-to/workers-on-more-machines.md").blocks if words in block]
    return found


def type_in(place: OwnMounts, block: str) -> str:
    """What it prints; what only a machine of one's own has is left out."""
    said = f"set -euo pipefail; apt-get() {{ :; }}; systemctl() {{ :; }}; {block}"
    done = place.do(lambda: subprocess.run(["bash", "-c", said], cwd=ROOT, capture_output=True, text=True, check=False))
    assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    return done.stdout


def lay_out(place: OwnMounts) -> None:
    """An /etc and some folders that nobody else sees; the program, where the guide installs it."""
    for folder in ("/srv", "/opt", "/var/lib", "/var/cache", "/mnt"):
        place.run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", folder)
    place.run("mkdir", "/mnt/new", "/mnt/work")
    place.run("mount", "-t", "overlay", "-o", "lowerdir=/etc,upperdir=/mnt/new,workdir=/mnt/work", "overlay", "/etc")
    # As Debian's package of the store leaves it.
    place.run("groupadd", "--system", "redis")
    place.run("mkdir", "-p", "/etc/redis", "/etc/sysusers.d", "/etc/tmpfiles.d", "/etc/systemd/system")
    base = "/opt/pixyz-scheduler"
    parts = {"base": sys.base_prefix, "src": f"{ROOT}/src", "site-packages": sysconfig.get_path("purelib")}
    parts["processes"] = f"{ROOT}/processes"
    for name, source in parts.items():
        place.run("mkdir", "-p", f"{base}/{name}")
        place.run("mount", "--bind", source, f"{base}/{name}")
    python = f"{base}/base/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    # An interpreter in somebody's home looks for its library there.
    paths = f"PYTHONPATH={base}/src:{base}/site-packages LD_LIBRARY_PATH={base}/base/lib"
    place.run("mkdir", f"{base}/bin")
    write(place, PROGRAM, f'#!/bin/sh\n{paths} exec {python} -m pixyz_scheduler "$@"\n')
    place.run("chmod", "755", PROGRAM)


@contextmanager
def a_store(place: OwnMounts, port: int, folder: Path) -> Iterator[None]:
    """With the configuration that the guide has made, but for where it is."""
    command = [find_server().path, "/etc/redis/redis.conf", "--bind", "127.0.0.1", "--port", str(port)]
    process = place.do(lambda: Process([*command, "--dir", str(folder)], stdout=subprocess.DEVNULL))
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def settle(place: OwnMounts, *, store: int, password: str, api: int) -> None:
    """What the guide leaves to the reader, and smaller limits; no engine but for `cpu`."""
    change(place, "/etc/pixyz-scheduler.conf", "store.internal", f"127.0.0.1\nREDIS_MASTER_SERVICE_PORT={store}")
    change(place, "/etc/pixyz-scheduler.conf", "the-password-of-the-store", password)
    change(place, "/etc/pixyz-scheduler/api.conf", "8001", f"{api}\nAPI_HOST=127.0.0.1")
    kinds = "/etc/pixyz-scheduler"
    change(place, f"{kinds}/cpu.conf", "4194304", "307200\nDRAIN_TIMEOUT=1\nENGINE=open")
    change(place, f"{kinds}/gpu.conf", "NAME=gpu", "NAME=gpu\nDRAIN_TIMEOUT=0.5\nENGINE=none")
    change(place, f"{kinds}/gpuhigh.conf", "=gpuhigh", "=gpuhigh\nMAX_MEMORY_USAGE_GPUHIGH=307200\nENGINE=none")


def change(place: OwnMounts, path: str, what: str, into: str) -> None:
    text = place.do(lambda: Path(path).read_text())
    assert text.count(what) == 1, path
    write(place, path, text.replace(what, into))


def write(place: OwnMounts, path: str, text: str) -> None:
    place.do(lambda: Path(path).write_text(text))


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/health/ready").is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def running(machine: Machine) -> Iterator[list[Process]]:
    """The API, then a worker of each kind."""
    processes = [
        machine.start("pixyz-scheduler-api.service"),
        *(machine.start(WORKER_UNIT.name, kind) for kind in ("cpu", "gpuhigh", "control")),
    ]
    try:
        while not answers(machine.http):
            assert processes[0].poll() is None
            time.sleep(0.1)
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.usefixtures("running")
def test_jobs_run_under_the_hardening_of_the_units_and_can_do_no_more_than_it_lets_them(machine):
    jobs = [machine.send(LOOK, places=PLACES), machine.send(HOARD), machine.send(CRASH)]
    looked, hoarded, crashed = map(machine.ended, jobs)
    assert looked["status"] == "SUCCESS", looked["error"]
    result = looked["result"]
    assert (result["uid"], result["status"], result["writes"], result["strangers"]) == (1001, [1, 0, 0, 2], [], [])
    assert (result["raw_socket"], result["mount"]) == (False, False)
    assert result["temporary"].startswith("/var/tmp")
    # The open engine: OpenCASCADE in a child of its template.
    with (ROOT / "samples" / "box.step").open("rb") as file:
        answer = machine.http.post(
            "/jobs", files={"file": file}, data={"process": "convert_file", "params": '{"extension": "glb"}'}
        )
    converted = machine.ended(answer.json()["uuid"])
    assert converted["status"] == "SUCCESS", converted["error"]
    # The memory limit, the second attempt on the other worker, and a crash: what needs fork, prctl and /proc.
    assert [(each["outcome"], each["queue"]) for each in hoarded["attempts"]] == [
        ("out_of_memory", "cpu"),
        ("out_of_memory", "gpuhigh"),
    ]
    assert [each["outcome"] for each in crashed["attempts"]] == ["signal"] * 2
    while (archive := machine.http.get(f"/jobs/{jobs[0]}/outputs/archive")).status_code == 425:
        time.sleep(0.1)
    assert archive.content[:2] == b"PK"


@pytest.mark.usefixtures("running")
def test_a_worker_is_stopped_by_a_signal_to_its_watchdog_and_hands_back_what_has_not_ended(machine):
    """KillMode=mixed: nobody else gets it."""
    worker = machine.start(WORKER_UNIT.name, "gpu")
    try:
        job_id = machine.send(LONG, queue="gpu")
        while machine.details(job_id)["status"] != "RUNNING":
            time.sleep(0.05)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait() == 0
    finally:
        worker.kill()
        worker.wait()
    assert [each["outcome"] for each in machine.details(job_id)["attempts"]] == ["drained"]
    # Nobody else would end it.
    assert machine.http.post(f"/jobs/{job_id}/cancel").is_success


def test_the_guide_s_store_keeps_what_it_is_told_and_asks_for_the_password(machine, running):
    assert machine.http.get("/health/ready").json()["durability"] == "relaxed"
    with redis.Redis(port=machine.store) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with redis.Redis(port=machine.store, password=machine.password, decode_responses=True) as friend:
        told = friend.config_get("appendonly", "maxmemory-policy", "hash-max-listpack-value")
    assert told == {"appendonly": "yes", "maxmemory-policy": "noeviction", "hash-max-listpack-value": "512"}
    # Who is there, as the guide's reader asks.
    shown = ""
    while shown.count("\tready\t") < len(running) - 1:
        shown = type_in(machine.place, block_with("admin workers"))
    assert "control,zip,clean" in shown
    # With an error its exit status would be another.
    found = type_in(machine.place, block_with("scheduler doctor"))
    assert "the same one is seen by 3 workers" in found


def test_the_settings_are_not_for_everybody_to_read(machine):
    def mode(path: str) -> int:
        return machine.place.do(lambda: Path(path).stat().st_mode & 0o777)

    paths = ("/etc/pixyz-scheduler.conf", "/etc/pixyz-scheduler", "/etc/pixyz-scheduler/cpu.conf")
    assert [mode(path) for path in paths] == [0o640, 0o750, 0o640]
