"""A Docker engine of the test's own: its network, processes and mounts are in namespaces that end with it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.images.programs import Programs, Unavailable

_PATIENCE = 60
_CGROUPS = Path("/sys/fs/cgroup")
# KiB that images and containers need, and that must be left besides.
_DATA = 6 << 20
_SPARE = 4 << 20


@dataclass(frozen=True)
class Engine:
    """It listens on a socket in its folder, and on nothing else."""

    programs: Programs
    folder: Path
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        """For Docker's own programs; none of them reads or writes what the user of this machine has set up."""
        return {
            **self.programs.compose_environment,
            "DOCKER_HOST": f"unix://{self.folder}/docker.sock",
            "DOCKER_CONFIG": str(self.folder / "config"),
            "HOME": str(self.folder),
            "DOCKER_BUILDKIT": "1",
            "COMPOSE_DOCKER_CLI_BUILD": "1",
        }

    def docker(self, *words: object, check: bool = True) -> str:
        """What a docker command prints."""
        done = subprocess.run(
            ["docker", *map(str, words)], env=self.environment, capture_output=True, text=True, check=False
        )
        if check and done.returncode != 0:
            raise AssertionError(f"docker {' '.join(map(str, words))}: {done.stdout}\n{done.stderr}")
        return done.stdout.strip()

    def beside(self, *words: object) -> list[str]:
        """A command as one on the host would run it: in the network where ports are published."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *map(str, words)]


@contextmanager
def running_engine(programs: Programs, folder: Path) -> Iterator[Engine]:
    """An engine, for as long as this lasts; nothing of it is left afterwards.

    Raises:
        Unavailable: it does not start here.
    """
    folder.mkdir()
    (folder / "data").mkdir()
    (folder / "daemon.json").write_text("{}\n")
    group = f"pixyz-images-{os.getpid()}"
    daemon = [
        "dockerd", "--config-file", f"{folder}/daemon.json", "--data-root", f"{folder}/data", "--exec-root",
        f"{folder}/run", "--pidfile", f"{folder}/docker.pid", "--host", f"unix://{folder}/docker.sock",
        "--cgroup-parent", f"/{group}",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        apart = [
            "unshare",
            "--net",
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ]
        process = subprocess.Popen(
            [*apart, "sh", "-c", f'ip link set lo up && {_ground(folder / "data")} && exec "$@"', "sh", *daemon],
            env={**programs.environment, "HOME": str(folder)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield _ready(Engine(programs, folder, _child_of(process)), process)
        finally:
            _end(process)
            _remove_groups(group)
            shutil.rmtree(folder, ignore_errors=False)


def _ground(data: Path) -> str:
    """The command that puts its data into memory, where there is enough: seen by the engine alone, and gone with it."""
    told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    if int(told["MemAvailable"].split()[0]) < _DATA + _SPARE:
        return "true"
    return f"mount -t tmpfs -o size={_DATA}k images {data}"


def _child_of(process: subprocess.Popen[bytes]) -> int:
    """The first process of its namespaces."""
    told = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    give_up = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < give_up:
        if children := told.read_text().split():
            return int(children[0])
        time.sleep(0.02)
    raise Unavailable("namespaces cannot be made here")


def _ready(engine: Engine, process: subprocess.Popen[bytes]) -> Engine:
    give_up = time.monotonic() + _PATIENCE
    while time.monotonic() < give_up and process.poll() is None:
        if engine.docker("version", "--format", "{{.Server.Version}}", check=False):
            return engine
        time.sleep(0.1)
    log = (engine.folder / "log").read_text(errors="replace").strip().splitlines()
    raise Unavailable(f"dockerd does not start: {' / '.join(log[-3:])}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """In good order, so that its containers end; then whatever is in its namespaces, at once."""
    with suppress(Unavailable, ProcessLookupError, OSError):
        os.kill(_child_of(process), signal.SIGTERM)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _remove_groups(name: str) -> None:
    for top in {*_CGROUPS.glob(f"*/{name}"), *_CGROUPS.glob(name)}:
        for folder, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()
