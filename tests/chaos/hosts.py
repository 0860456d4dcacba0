"""Network: hosts on a switch, each a network namespace; one can be cut off and healed.

A host is a thread that has left the machine's own namespace. What it starts and opens lives in its network; at its end
nothing is left behind.
"""

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

from typing_extensions import Self

_CLONE_NEWNET = 0x40000000

T = TypeVar("T")


class Host:
    """One machine, as far as the network knows.

    Raises:
        PermissionError: this process may not make namespaces.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="host")
        self.do(_leave_the_network)
        self.pid = self.do(threading.get_native_id)
        self.ip("link", "set", "lo", "up")

    def do(self, deed: Callable[[], T]) -> T:
        """Do something there, and wait for it."""
        return self._thread.submit(deed).result()

    def ip(self, *words: str) -> None:
        """Run `ip` there."""
        self.do(lambda: subprocess.run(["ip", *words], check=True, capture_output=True))

    def close(self) -> None:
        """End it."""
        self._thread.shutdown()


class Network:
    """Hosts on a switch: 10.77.0.1 and following. A context manager.

    Args:
        hosts: how many.
    """

    def __init__(self, hosts: int) -> None:
        self._switch = Host()
        self.hosts = tuple(Host() for _ in range(hosts))

    def address(self, host: Host) -> str:
        """Of one of them."""
        return f"10.77.0.{self.hosts.index(host) + 1}"

    def cut(self, host: Host) -> None:
        """Its cable is pulled: packets vanish, nobody is told."""
        self._switch.ip("link", "set", self._port(host), "down")

    def heal(self, host: Host) -> None:
        """After `cut`."""
        self._switch.ip("link", "set", self._port(host), "up")

    def __enter__(self) -> Self:
        self._switch.ip("link", "add", "switch", "type", "bridge")
        self._switch.ip("link", "set", "switch", "up")
        for host in self.hosts:
            port = self._port(host)
            self._switch.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(host.pid))
            self._switch.ip("link", "set", port, "master", "switch", "up")
            host.ip("address", "add", f"{self.address(host)}/24", "dev", "eth0")
            host.ip("link", "set", "eth0", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in (*self.hosts, self._switch):
            host.close()

    def _port(self, host: Host) -> str:
        return f"port{self.hosts.index(host)}"


def _leave_the_network() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        number = ctypes.get_errno()
        raise PermissionError(number, f"unshare(CLONE_NEWNET): {os.strerror(number)}")
