"""Site: the project as a user has it on one machine with Docker: its images, a conf, the stack that Compose starts."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.images.engine import Engine
from tests.images.project import REPOSITORY

BASE = "pixyz-images/base:1"
PIXYZ = "pixyz-images/worker-pixyz:1"
IMAGES = ("pixyz-images/api:1", "pixyz-images/worker:1", PIXYZ, "pixyz-scheduler-control", "pixyz-scheduler-redis")
OURS = ("api", "worker", "gpu", "gpuhigh", "control")
FLOWER = "somebody:a-word"
PORT = 8001
_NAME = "farm"
UID, GID = "2345", "3456"
# Beside what the guide has its reader write.
_MORE: Mapping[str, str] = {
    "DRAIN_TIMEOUT": "10",
    "FLOWER_BASIC_AUTH": FLOWER,
    "DOCKER_API_IMAGE": IMAGES[0],
    "DOCKER_WORKER_IMAGE": IMAGES[1],
    "DOCKER_PYTHON_IMAGE": BASE,
    "DOCKER_REDIS_IMAGE": BASE,
    "DOCKER_WORKER_MEMORY": "700m",
}
# What the guide's reader has, under the names that it uses: Compose is the old one here, and has a program of its own.
_READER = """
set -eo pipefail
docker() { shift; PYTHONPATH=$MODULES command $COMPOSE --project-name farm "$@"; }
pixyz-scheduler() { PYTHONPATH=src $PYTHON -m pixyz_scheduler "$@"; }
curl() { command curl -sS --fail-with-body "$@"; }
"""


@dataclass(frozen=True)
class Site:
    """The stack, and what a user does with it."""

    engine: Engine
    folder: Path
    say: Callable[[str], None]
    key: str

    @property
    def project(self) -> Path:
        """The checkout that images are built of."""
        return self.folder / "project"

    def compose(self, *words: object) -> str:
        """What a docker-compose command prints."""
        begin = [*self.engine.programs.compose, "--project-name", _NAME, "--env-file", "pixyz-scheduler.conf"]
        command = [*begin, *map(str, words)]
        done = subprocess.run(
            command, cwd=self.project, env=self.engine.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise AssertionError(
                f"docker-compose {' '.join(map(str, words))}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return done.stdout

    def containers(self, service: str, *, stopped: bool = False) -> list[str]:
        """The ids of a service's containers."""
        label = f"label=com.docker.compose.service={service}"
        return self.engine.docker(
            "ps", *(["--all"] if stopped else []), "--quiet", "--no-trunc", "--filter", label
        ).split()

    def inspect(self, container: str) -> dict:
        """All that the engine knows of it."""
        return json.loads(self.engine.docker("inspect", container))[0]

    def inside(self, container: str, *words: object, status: int = 0) -> str:
        """What a command prints that is run in a container, which must end so."""
        command = ["docker", "exec", container, *map(str, words)]
        done = subprocess.run(command, env=self.engine.environment, capture_output=True, text=True, check=False)
        assert done.returncode == status, f"{words}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def follow(self, block: str) -> str:
        """What a block of the guide prints where its reader types it; all of its commands must end well."""
        engine = self.engine
        told = {
            "COMPOSE": " ".join(engine.programs.compose),
            "MODULES": engine.programs.compose_environment["PYTHONPATH"],
            "PYTHON": sys.executable,
            "KEY": self.key,
        }
        done = subprocess.run(
            engine.beside("bash", "-c", _READER + block),
            cwd=self.project,
            env={**engine.environment, **told},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"{block}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def on_host(self, *words: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command where the user has it: outside, where ports are published."""
        told = {"PIXYZ_URL": f"http://127.0.0.1:{PORT}", "PIXYZ_TOKEN": self.key, "HOME": str(self.folder)}
        done = subprocess.run(
            self.engine.beside(*words),
            cwd=self.folder,
            env={**told, "PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(REPOSITORY / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{words}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def ours(self, *words: object, check: bool = False) -> subprocess.CompletedProcess[str]:
        """Our own command on the host."""
        return self.on_host(sys.executable, "-m", "pixyz_scheduler", *words, check=check)

    def cli(self, *words: object) -> str:
        """What our command prints, which must end well."""
        return self.ours(*words, check=True).stdout

    def send(self, script: str, *words: object) -> str:
        """A job; its id."""
        path = self.folder / "script.py"
        path.write_text(script)
        return self.cli("exec", "-s", path, "-b", *words).strip()

    def ended(self, job: str) -> dict:
        """The details of a job that has come to its end."""
        self.ours("wait", "-j", job)
        return json.loads(self.cli("details", "-j", job, "--json"))

    def until(self, what: str, holds: Callable[[], object]) -> None:
        """Look until it is so."""
        self.say(f"until {what}")
        while not holds():
            time.sleep(0.2)

    def is_healthy(self, container: str) -> bool:
        """By its own health check."""
        return self.inspect(container)["State"].get("Health", {}).get("Status") == "healthy"

    def logs(self) -> str:
        """Of all containers, and the engine's last words."""
        every = self.engine.docker("ps", "--all", "--quiet", check=False).split()
        told = [self.engine.docker("ps", "--all", check=False)]
        for each in every:
            said = ["docker", "logs", "--tail", "60", each]
            both = subprocess.run(
                said,
                env=self.engine.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            told.append(f"--- {each}\n{both.stdout}")
        return "\n".join(told)


def lay_out(folder: Path, wheels: Path, write_conf: str) -> str:
    """A checkout of what is tracked or new, the wheels where the Dockerfile looks for them, and a conf; the key in it.

    Args:
        folder: `project` is made in it.
        wheels: where they are.
        write_conf: the guide's commands.
    """
    project = folder / "project"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        source, target = REPOSITORY / name, project / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for wheel in wheels.iterdir():
        (project / "deploy/docker/wheels" / wheel.name).hardlink_to(wheel)
    # By a user, whose checkout it is.
    folder.chmod(0o711)
    os.chown(project, int(UID), int(GID))
    user = ["setpriv", "--reuid", UID, "--regid", GID, "--clear-groups", "bash", "-ec", write_conf]
    told = subprocess.run(user, cwd=project, capture_output=True, text=True, check=True).stdout
    with (project / "pixyz-scheduler.conf").open("a") as conf:
        conf.writelines(f'{name}="{value}"\n' for name, value in _MORE.items())
    return told.partition(": ")[2].strip()
