"""EmbeddedStore: a Valkey server of our own, on a Unix socket, its data kept in a folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from pixyz_scheduler.broker.file_lock import FileLock
from pixyz_scheduler.broker.store_server import Engine, StoreServer, find_server, write_marker
from pixyz_scheduler.errors import StoreUnavailable
from pixyz_scheduler.settings.store_url import StoreUrl, results_database

_LONGEST_SOCKET = 103
"""Bytes of a socket's path: 107 on Linux, 103 on macOS."""

_DATABASES = 256
"""REDIS_DATABASE "n" keeps results in "n0": 25 goes with 250."""

_PATIENCE = 10.0
"""Seconds for the server to write everything, then for the watcher to go."""

_OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "databases": str(_DATABASES),
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    # A record's hash stays compact: with the default of 64 bytes it takes 1157 bytes instead of 333.
    "hash-max-listpack-value": "512",
    "daemonize": "no",
}

# The shell becomes the server. What it leaves behind reads our line (3): at its end without a word (we died, however
# that came about) it ends the server. PR_SET_PDEATHSIG would do so at the end of the *thread* that started it.
# The server alone keeps the lock (4). Both come as standard streams, since dash knows no descriptor above 9.
_START = """
exec 3<&0 4>&1 </dev/null >/dev/null
{ read -r word <&3 || kill -TERM $$; } 4>&- &
exec "$@" 3<&-
"""


class EmbeddedStore:
    """A running store; a context manager that stops it.

    The server is a child of this process and ends with it, even by kill -9. It runs in a session of its own, so that
    Ctrl-C reaches those who use it first.
    """

    def __init__(
        self,
        *,
        launch: Callable[[ExitStack], subprocess.Popen[bytes]],
        engine: Engine,
        address: StoreUrl,
        log: Path,
        leave: ExitStack,
    ) -> None:
        self.engine = engine
        self.address = address
        self.log = log
        self._launch = launch
        self._running = leave.enter_context(ExitStack())
        self._process = launch(self._running)
        self._leave = leave.pop_all()

    @classmethod
    def start(cls, data_path: Path, *, timeout: float = 30.0, search_path: str | None = None) -> EmbeddedStore:
        """Start a server on the data under `data_path`, made where it is not there, and wait until it answers.

        Args:
            data_path: the folder of DATA_PATH; the store's is `store` inside it.
            timeout: seconds without an answer; loading old data counts as an answer.
            search_path: instead of PATH, to look for a server.

        Raises:
            StoreRefused: another store runs on the data, or it was written by an engine that is not here.
            StoreUnavailable: no server is installed, or it does not start.
        """
        folder = data_path.absolute() / "store"
        try:
            with ExitStack() as leave:
                return cls._start(folder, timeout=timeout, search_path=search_path, leave=leave)
        except OSError as error:
            raise StoreUnavailable(f"The data folder {folder} cannot be used: {error.strerror}.") from error

    @classmethod
    def _start(cls, folder: Path, *, timeout: float, search_path: str | None, leave: ExitStack) -> EmbeddedStore:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        # An owner that died leaves its server behind for as long as that writes its last bytes.
        owner = leave.enter_context(FileLock(folder / "owner.lock"))
        owner.take()
        owner.sign(os.getpid())
        server_lock = leave.enter_context(FileLock(folder / "server.lock"))
        server_lock.take(patience=timeout)
        server = find_server(folder, search_path=search_path)
        write_marker(folder, server.engine)
        path = _socket_path(folder, leave)
        log = folder / "server.log"

        def launch(running: ExitStack) -> subprocess.Popen[bytes]:
            process = _run(server, folder=folder, path=path, log=log, lock=server_lock.descriptor, leave=running)
            server_lock.sign(process.pid)
            _wait_until_it_answers(process, path=path, log=log, timeout=timeout)
            return process

        return cls(launch=launch, engine=server.engine, address=StoreUrl(socket=str(path)), log=log, leave=leave)

    @property
    def pid(self) -> int:
        """The server's."""
        return self._process.pid

    @property
    def broker_url(self) -> str:
        """For Celery and kombu: `redis+socket://...?virtual_host=0`."""
        return self.address.kombu

    @property
    def result_backend(self) -> str:
        """For Celery: the database of results."""
        return self.address.with_database(results_database(str(self.address.database))).kombu

    @property
    def store_url(self) -> str:
        """For redis-py: `unix://...?db=0`."""
        return self.address.redis_py

    @property
    def environment(self) -> dict[str, str]:
        """What a process started by us needs, to use this store."""
        return {"CELERY_BROKER_URL": self.broker_url, "CELERY_RESULT_BACKEND": self.result_backend}

    @property
    def exit_status(self) -> int | None:
        """None while the server runs; negative for a signal."""
        return self._process.poll()

    def revive(self) -> bool:
        """Start the server again, on the same data and address, where it has died; whether it had.

        Raises:
            StoreUnavailable: it does not start.
        """
        if self.exit_status is None:
            return False
        self._running.close()
        self._process = self._launch(self._running)
        return True

    def stop(self) -> None:
        """End the server by SIGTERM, which writes everything to disk, and wait for it. Again does nothing."""
        self._leave.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _socket_path(folder: Path, leave: ExitStack) -> Path:
    path = folder / "store.sock"
    if len(os.fsencode(path)) > _LONGEST_SOCKET:
        # TMPDIR may be as long as what we flee from; the folder is private.
        short = tempfile.mkdtemp(prefix="pixyz-", dir="/tmp")
        leave.callback(shutil.rmtree, short, ignore_errors=True)
        path = Path(short, "store.sock")
    path.unlink(missing_ok=True)
    return path


def _run(
    server: StoreServer, *, folder: Path, path: Path, log: Path, lock: int, leave: ExitStack
) -> subprocess.Popen[bytes]:
    options = {**_OPTIONS, "unixsocket": str(path), "dir": str(folder), "logfile": str(log)}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    ours, watchers = socket.socketpair()
    with ExitStack() as undo, watchers:
        undo.enter_context(ours)
        process = subprocess.Popen(  # noqa: S603  (the program that find_server looked at)
            ["/bin/sh", "-c", _START, "sh", str(server.path), *words],
            stdin=watchers.fileno(),
            stdout=lock,
            stderr=subprocess.DEVNULL,
            cwd="/",
            # Nothing of our environment: it may hold secrets, or a locale that the server refuses.
            env={"PATH": os.defpath, "LC_ALL": "C"},
            start_new_session=True,
            umask=0o077,
        )
        undo.pop_all()
    leave.callback(_end, process, ours, path)
    return process


def _end(process: subprocess.Popen[bytes], ours: socket.socket, path: Path) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with ours, suppress(OSError):
        # The word that tells the watcher to go without a kill: the number may be another process's by now.
        ours.sendall(b"done\n")
        # The line is closed when the watcher is gone: nothing of us is left behind.
        ours.settimeout(_PATIENCE)
        ours.recv(1)
    path.unlink(missing_ok=True)


def _wait_until_it_answers(process: subprocess.Popen[bytes], *, path: Path, log: Path, timeout: float) -> None:
    ends = time.monotonic() + timeout
    while True:
        answer = _ping(path)
        if answer.startswith(b"+PONG"):
            return
        if answer:
            ends = time.monotonic() + timeout
        if time.monotonic() > ends:
            raise StoreUnavailable(f"The store did not answer within {timeout:g} s. {_last_words(log)}")
        try:
            status = process.wait(0.005)
        except subprocess.TimeoutExpired:
            continue
        raise StoreUnavailable(f"The store ended at its start with status {status}. {_last_words(log)}")


def _ping(path: Path) -> bytes:
    """What the server says; nothing while it does not listen."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1)
        try:
            line.connect(str(path))
            line.sendall(b"PING\r\n")
            return line.recv(64)
        except OSError:
            return b""


def _last_words(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return f"It left nothing in {log}."
    return f"Last lines of {log}:\n" + "\n".join(lines[-5:])
