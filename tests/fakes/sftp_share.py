"""SftpShare: a folder of one host, served by OpenSSH's sftp-server, mounted on another by sshfs, without ssh between.

Both programs are Debian's, unpacked. What is mounted over a network that is cut hangs, as NFS does that is mounted
hard; an sshfs that is killed leaves a folder in which nothing can be opened.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.chaos.hosts import Host
from tests.fakes.debian_packages import unpacked

_PACKAGES = ("sshfs", "libfuse3-3", "libglib2.0-0", "openssh-sftp-server")
_DOOR = """
import socketserver, subprocess, sys

class Door(socketserver.BaseRequestHandler):
    def handle(self):
        subprocess.run([sys.argv[3]], stdin=self.request, stdout=self.request)

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

with Server((sys.argv[1], int(sys.argv[2])), Door) as server:
    print("open", flush=True)
    server.serve_forever()
"""
# What one host does another sees at once.
_OPTIONS = "dir_cache=no,attr_timeout=0,entry_timeout=0"


class SftpShare:
    """A share.

    Args:
        programs: as `sftp_programs` gives it.
        folder: where it lies, on the host that serves it, and on all others too.
        host: that serves it.
        address: of that host.
        port: of the server.
    """

    def __init__(self, programs: Path, folder: Path, *, host: Host, address: str, port: int) -> None:
        self._programs = programs
        self._folder = folder
        self._address = address
        self._port = port
        self._mounted: list[subprocess.Popen[bytes]] = []
        server = str(programs / "usr/lib/openssh/sftp-server")
        command = [sys.executable, "-c", _DOOR, address, str(port), server]
        self._server = host.do(lambda: subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True))
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"open\n"

    def mount(self, host: Host) -> "subprocess.Popen[bytes]":
        """Mount it there, over what is left of another; the sshfs at work."""
        host.do(lambda: subprocess.run(["umount", "-l", self._folder], check=False, capture_output=True))
        libraries = [str(self._programs / folder / "x86_64-linux-gnu") for folder in ("usr/lib", "lib")]
        environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}
        command = [self._programs / "usr/bin/sshfs", "-f", f"{self._address}:{self._folder}", self._folder]
        options = ["-o", f"directport={self._port},{_OPTIONS}"]
        process = host.do(lambda: subprocess.Popen([*command, *options], env=environment, start_new_session=True))
        while not host.do(lambda: os.path.ismount(self._folder)):
            assert process.poll() is None
            time.sleep(0.05)
        self._mounted.append(process)
        return process

    def close(self) -> None:
        """End the server, and all whom it serves."""
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.communicate()
        for process in self._mounted:
            process.kill()
            process.wait()


def sftp_programs(folder: Path) -> Path | None:
    """The programs, unpacked into this folder; None where they cannot be had."""
    return unpacked(folder, *_PACKAGES)
