"""ChaosStore: the embedded store's program with the embedded store's options, on a TCP port, to be ill-treated.

It keeps what the embedded store keeps: an append-only file, `appendfsync everysec`. The server writes before it answers
(except while its own fsync is at work), so what it answered for survives a kill of the process in the page cache; a cut
of power could take the last second. `fsync="always"` leaves nothing to that exception.
"""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import redis
from typing_extensions import Self

from pixyz_scheduler.broker.embedded import _OPTIONS, _START
from pixyz_scheduler.broker.store_server import find_server

_PATIENCE = 30.0
_NOBODY = 1
"""A port that nobody listens on."""
_TINY = "1mb"


class ChaosStore:
    """A store that dies, sleeps and refuses, and comes back on the same data and port; a context manager.

    Args:
        folder: for its data.
        port: on the loopback.
        fsync: `appendfsync`; None takes the embedded store's.
    """

    def __init__(self, folder: Path, port: int, *, fsync: str | None = None, host: str = "127.0.0.1") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port
        self.host = host
        self._options = {
            **_OPTIONS,
            "port": str(port),
            "bind": host,
            "protected-mode": "no",
            "dir": str(folder),
            "logfile": str(folder / "server.log"),
        }
        if fsync is not None:
            self._options["appendfsync"] = fsync
        self._program = find_server().path
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def fsync(self) -> str:
        """Its `appendfsync`."""
        return self._options["appendfsync"]

    @property
    def url(self) -> str:
        """For redis-py, past every proxy."""
        return f"redis://{self.host}:{self.port}/0"

    def client(self, *, timeout: float = 2.0) -> "redis.Redis":
        """A client past every proxy."""
        return redis.Redis.from_url(
            self.url, decode_responses=True, socket_timeout=timeout, socket_connect_timeout=timeout
        )

    def start(self) -> None:
        """Start it on its data, and wait until it answers."""
        words = [word for name, value in self._options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(
            # The shell leaves a watcher behind that ends the server when we are gone.
            ["/bin/sh", "-c", _START, "sh", str(self._program), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            start_new_session=True,
        )
        ends = time.monotonic() + _PATIENCE
        while not self._answers():
            if time.monotonic() > ends or self._process.poll() is not None:
                raise RuntimeError(f"The store did not start: see {self._options['logfile']}")
            time.sleep(0.005)

    def kill(self) -> None:
        """Kill -9."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        assert self._process.stdin
        with self._process.stdin as line, suppress(OSError):
            # The word that tells the watcher to go without a kill.
            line.write(b"done\n")
        self._process = None

    def suspend(self) -> None:
        """It hears and says nothing, until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """After `suspend`."""
        self._signal(signal.SIGCONT)

    def refuse_writes(self) -> None:
        """READONLY: it becomes the replica of nobody."""
        with self.client() as client:
            client.replicaof("127.0.0.1", _NOBODY)

    def take_writes(self) -> None:
        """After `refuse_writes`."""
        with self.client() as client:
            client.replicaof("NO", "ONE")

    def starve(self) -> None:
        """OOM: no memory for anything new."""
        with self.client() as client:
            client.config_set("maxmemory", _TINY)

    def feed(self) -> None:
        """After `starve`."""
        with self.client() as client:
            client.config_set("maxmemory", "0")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self.resume()
        self.kill()

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _answers(self) -> bool:
        with socket.socket() as line, suppress(OSError):
            line.settimeout(1)
            line.connect((self.host, self.port))
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith(b"+PONG")
        return False
