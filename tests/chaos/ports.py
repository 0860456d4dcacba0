"""Ports that stay free until their owner is there, and while it is killed and started again."""

import random
import socket

# Below those that the kernel gives to outgoing connections, of which a run has thousands.
_FIRST, _LAST = 20000, 32000


def lasting_port() -> int:
    """A port of the loopback interface that nobody has now and no connection will be given."""
    while True:
        port = random.randrange(_FIRST, _LAST)  # noqa: S311  (no secret)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
