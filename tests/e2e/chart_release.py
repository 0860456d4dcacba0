"""ChartRelease: the pods of a rendered chart as processes of this machine, with their commands and variables."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixyz_scheduler.broker.store_server import find_server
from pixyz_scheduler.cli.server import free_port
from scripts.chart.pods import Pod, pods_of
from scripts.chart.rendering import Rendered, render

ROOT = Path(__file__).parents[2]
KEY = "the key in the Secret"
PASSWORD = "the password in the Secret"
SECRET = {"api-key": KEY, "api-key-sha256": hashlib.sha256(KEY.encode()).hexdigest(), "redis-password": PASSWORD}


@dataclass(frozen=True)
class ChartRelease:
    """What Kubernetes does for a pod, as far as it can be done here: variables, Secrets, hosts, mounts."""

    rendered: Rendered
    folder: Path
    store_port: int
    api_port: int

    @classmethod
    def of(cls, values: dict[str, Any], folder: Path) -> "ChartRelease":
        base = {
            "auth": {"existingSecret": "pixyz"},
            "redis": {"mode": "bundled", "existingSecret": "pixyz"},
            "share": {"existingClaim": "share", "mountPath": str(folder / "share")},
            "settings": {"MIN_FREE_SPACE": "0", "LEASE_TIME_SCALE": "0.3"},
            "metrics": {"port": free_port()},
        }
        (folder / "share").mkdir()
        return cls(render({**base, **values}), folder, free_port(), free_port())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    def pod(self, name: str) -> Pod:
        [found] = [pod for pod in pods_of(self.rendered) if pod.place.endswith(name)]
        return found

    def environment(self, pod: Pod) -> dict[str, str]:
        """What its container has, on this machine's addresses and in this test's folder."""
        given = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src")}
        for one in pod.containers[0]["env"]:
            given[one["name"]] = SECRET[one["valueFrom"]["secretKeyRef"]["key"]] if "valueFrom" in one else one["value"]
        here = {
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "API_PORT": str(self.api_port),
            "API_HOST": "127.0.0.1",
            "PIXYZ_URL": self.url,
            "REDIS_MASTER_SERVICE_HOST": "127.0.0.1",
            "REDIS_MASTER_SERVICE_PORT": str(self.store_port),
        }
        return {**given, **{name: value for name, value in here.items() if name in given or name == "API_HOST"}}

    @contextmanager
    def start(self, name: str, **instead: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The process of a pod, with these variables instead of its own; ended, at once, when left."""
        pod = self.pod(name)
        environment = {**self.environment(pod), **instead}
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                self.command(pod),
                env=environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            for _ in range(2):
                process.terminate()
            process.wait()

    def command(self, pod: Pod) -> list[str]:
        program, *words = pod.command
        if program == "pixyz-scheduler":
            return [sys.executable, "-m", "pixyz_scheduler", *words]
        return [program, *(self._in_place(word) for word in words)]

    def _in_place(self, script: str) -> str:
        """The store's start, with this test's folders for those that are mounted."""
        folders = {"/etc/pixyz-store": self.folder / "etc", "/run/pixyz-store": self.folder / "run"}
        for mounted, here in folders.items():
            script = script.replace(mounted, str(here))
        return script

    def lay_out_store(self) -> None:
        """Its ConfigMap, its disk, its program."""
        for name in ("etc", "run", "data", "bin"):
            (self.folder / name).mkdir()
        config = self.rendered.the("ConfigMap", "-redis")["data"]["store.conf"]
        config = config.replace("port 6379", f"port {self.store_port}").replace(
            "dir /data", f"dir {self.folder / 'data'}"
        )
        (self.folder / "etc" / "store.conf").write_text(config)
        (self.folder / "bin" / "valkey-server").symlink_to(find_server().path)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")
