"""A port of this machine: can it be listened on, and at which URL does who listens there answer."""

import socket

_ALL = ("0.0.0.0", "::")  # noqa: S104  (said by the user)


def refusal(host: str, port: int) -> str:
    """Why it cannot be listened on; empty where it can. It is let go again at once."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as trouble:
        return trouble.strerror or str(trouble)
    return ""


def url(host: str, port: int) -> str:
    """Where who listens there is asked, from this machine."""
    there = "127.0.0.1" if host in _ALL else f"[{host}]" if ":" in host else host
    return f"http://{there}:{port}"
