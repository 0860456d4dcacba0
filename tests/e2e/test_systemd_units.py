"""The units of deploy/systemd: what systemd's own tools say of them, and the programs under their hardening."""

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
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from pixyz_scheduler.cli.server import free_port
from pixyz_scheduler.launcher.api_key import digest_of
from pixyz_scheduler.settings.settings import Settings
from tests.chaos.store import ChaosStore
from tests.conftest import missing
from tests.fakes.debian_packages import unpacked
from tests.fakes.own_mounts import OwnMounts
from tests.fakes.unit_sandbox import read_unit, said

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "systemd"
UNITS = {"pixyz-scheduler-api.service": 1.5, "pixyz-scheduler-worker@.service": 2.1}
PROGRAM = "/opt/pixyz-scheduler/bin/pixyz-scheduler"
KEY = "the key of the units"
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
        "setuid_file": may(lambda: os.chmod(tempfile.mkstemp()[1], 0o4755)),
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
    """A machine with the units installed; its mounts are its own."""

    place: OwnMounts
    http: httpx.Client

    def start(self, unit: str, instance: str, *words: str) -> Process:
        base = "/opt/pixyz-scheduler"
        python = f"{base}/base/bin/python{sys.version_info.major}.{sys.version_info.minor}"
        command = [sys.executable, str(ROOT / "tests/fakes/unit_sandbox.py"), str(FOLDER / unit), instance]
        environment = {**os.environ, "PYTHONPATH": f"{base}/src:{base}/site-packages"}
        # An interpreter of one's own home looks for its library there.
        environment["LD_LIBRARY_PATH"] = f"{base}/base/lib"
        return self.place.do(
            lambda: subprocess.Popen(
                ["unshare", "--mount", *command, python, "-m", "pixyz_scheduler", *words], env=environment
            )
        )

    def send(self, source: str, **params: object) -> str:
        answer = self.http.post("/jobs", files={"script": ("job.py", source)}, data={"params": json.dumps(params)})
        assert answer.status_code == 200, answer.text
        return answer.json()["uuid"]

    def details(self, job_id: str) -> dict:
        return self.http.get(f"/jobs/{job_id}/details").json()

    def ended(self, job_id: str) -> dict:
        while (details := self.details(job_id))["status"] not in ("SUCCESS", "FAILURE"):
            time.sleep(0.05)
        return details


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if sys.platform != "linux" or os.geteuid() != 0:
        missing("Linux, and root")
    if not shutil.which("systemd-sysusers") or not ctypes.util.find_library("seccomp"):
        pytest.skip("systemd-sysusers, systemd-analyze or libseccomp is not here")
    port = free_port()
    with ExitStack() as stack:
        store = stack.enter_context(ChaosStore(tmp_path / "data", free_port()))
        place = stack.enter_context(OwnMounts())
        install(place, store.port, port)
        http = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": KEY}, timeout=30)
        )
        yield Machine(place, http)


def install(place: OwnMounts, store: int, port: int) -> None:
    """As the guide has it, into folders that nobody else sees."""
    for folder in ("/srv", "/opt", "/var/lib", "/var/cache", "/mnt"):
        place.run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", folder)
    place.run("mkdir", "/mnt/new", "/mnt/work")
    place.run("mount", "-t", "overlay", "-o", "lowerdir=/etc,upperdir=/mnt/new,workdir=/mnt/work", "overlay", "/etc")
    base = "/opt/pixyz-scheduler"
    parts = {"base": sys.base_prefix, "src": f"{ROOT}/src", "site-packages": sysconfig.get_path("purelib")}
    parts["processes"] = f"{ROOT}/processes"
    for name, source in parts.items():
        place.run("mkdir", "-p", f"{base}/{name}")
        place.run("mount", "--bind", source, f"{base}/{name}")
    place.run("systemd-sysusers", str(FOLDER / "pixyz-scheduler.sysusers"))
    place.run("install", "-d", "-o", "pixyz-scheduler", "-g", "pixyz-scheduler", "/srv/pixyz-share")
    place.run("install", "-d", "/etc/pixyz-scheduler")
    common = (FOLDER / "conf/pixyz-scheduler.conf").read_text().replace("store.internal", "127.0.0.1")
    common = common.replace("REDIS_PASSWORD=the-password-of-the-store", f"REDIS_MASTER_SERVICE_PORT={store}")
    write(place, "/etc/pixyz-scheduler.conf", common)
    api = re.sub("=0{64}", f"={digest_of(KEY)}", (FOLDER / "conf/api.conf").read_text()).replace("8001", str(port))
    write(place, "/etc/pixyz-scheduler/api.conf", f"{api}API_HOST=127.0.0.1\n")
    for name in ("cpu", "gpuhigh", "control"):
        text = (FOLDER / f"conf/{name}.conf").read_text()
        more = "MAX_MEMORY_USAGE_GPUHIGH=307200\n" if name == "gpuhigh" else ""
        small = text.replace("4194304", "307200")
        engine = "open" if name == "cpu" else "none"
        write(place, f"/etc/pixyz-scheduler/{name}.conf", f"{small}{more}ENGINE={engine}\nDRAIN_TIMEOUT=1\n")
    place.run("systemd-tmpfiles", "--create", str(FOLDER / "pixyz-scheduler.tmpfiles"))


def write(place: OwnMounts, path: str, text: str) -> None:
    place.do(lambda: Path(path).write_text(text))


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/health/ready").is_success
    except httpx.HTTPError:
        return False


@pytest.fixture
def running(machine: Machine) -> Iterator[list[Process]]:
    """The API, then a worker of each kind."""
    processes = [
        machine.start("pixyz-scheduler-api.service", "", "api"),
        *(machine.start(WORKER_UNIT.name, kind, "worker") for kind in ("cpu", "gpuhigh", "control")),
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


def test_jobs_run_under_the_hardening_of_the_units_and_can_do_no_more_than_it_lets_them(machine, running):
    jobs = [machine.send(LOOK, places=PLACES), machine.send(HOARD), machine.send(CRASH)]
    looked, hoarded, crashed = map(machine.ended, jobs)
    assert looked["status"] == "SUCCESS", looked["error"]
    result = looked["result"]
    assert (result["uid"], result["status"], result["writes"], result["strangers"]) == (1001, [1, 0, 0, 2], [], [])
    assert (result["raw_socket"], result["setuid_file"], result["mount"]) == (False, False, False)
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
    # KillMode=mixed: the signal goes to the watchdog alone.
    long = machine.send(LONG)
    while machine.details(long)["status"] != "RUNNING":
        time.sleep(0.05)
    for process in running[1:]:
        process.send_signal(signal.SIGTERM)
    assert [process.wait() for process in running[1:]] == [0, 0, 0]
    assert [each["outcome"] for each in machine.details(long)["attempts"]] == ["drained"]
    running[0].send_signal(signal.SIGTERM)
    assert running[0].wait() == 0


def test_the_settings_are_not_for_everybody_to_read(machine):
    def mode(path: str) -> int:
        return machine.place.do(lambda: Path(path).stat().st_mode & 0o777)

    paths = ("/etc/pixyz-scheduler.conf", "/etc/pixyz-scheduler", "/etc/pixyz-scheduler/cpu.conf")
    assert [mode(path) for path in paths] == [0o640, 0o750, 0o640]
