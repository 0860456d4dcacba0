"""Door: a worker's HTTP port: health and figures for who watches it, without a key; there only with METRICS_PORT."""

import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from typing_extensions import Self

from pixyz_scheduler.errors import SettingsError

_log = logging.getLogger(__name__)

# Whoever floods the port has so many threads of ours, not the worker.
_CALLERS = 16
# Seconds for a caller to say what it wants, and to take the answer.
_PATIENCE = 5.0
_LOOK = 0.2


@dataclass(frozen=True)
class Page:
    """An answer."""

    status: int
    body: bytes
    kind: str = "application/json"

    @classmethod
    def of_health(cls, problems: Mapping[str, str]) -> "Page":
        """In the shape of the API's own: 200 where there are no problems, else 503."""
        told = {"status": "unavailable" if problems else "ok", "problems": dict(problems)}
        return cls(503 if problems else 200, json.dumps(told).encode())


class Door:
    """A thread that listens and one for each caller; a context manager.

    Args:
        host: its address; `0.0.0.0` or `::` is all of them.
        port: 0 for any that is free.
        pages: what answers, by path; called in the caller's thread.
    """

    def __init__(self, host: str, port: int, pages: Mapping[str, Callable[[], Page]]) -> None:
        self._where = (host, port)
        self._pages = pages

    def __enter__(self) -> Self:
        """Listen; raises SettingsError where the port cannot be had."""
        host, port = self._where
        try:
            self._server = _Server(host, port, self._pages)
        except OSError as error:
            raise SettingsError(
                f"METRICS_PORT is {port}: port {port} of {host} (METRICS_HOST) cannot be used: {error.strerror}. "
                "Each worker on a machine needs a port of its own; 0 opens none."
            ) from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_LOOK,), name="door", daemon=True)
        self._thread.start()
        _log.info("health and metrics are at %s, port %d", host, self.port)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingMixIn, TCPServer):
    """`http.server.HTTPServer` would ask the name service who we are, and wait for it."""

    daemon_threads = True
    block_on_close = False
    # On Windows it would mean that two may listen on one port, and each hears some.
    allow_reuse_address = os.name == "posix"
    request_queue_size = 32

    def __init__(self, host: str, port: int, pages: Mapping[str, Callable[[], Page]]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.pages = pages
        self._free = threading.BoundedSemaphore(_CALLERS)
        super().__init__((host, port), _Caller)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, while there are not too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """That thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  (the library's signature)
        """A caller that went away is no news; what we did wrong is."""
        _log.debug("a caller of the metrics port was not answered", exc_info=True)


class _Caller(BaseHTTPRequestHandler):
    """One request: HTTP/1.0, after which the connection is closed."""

    timeout = _PATIENCE
    server: _Server

    def do_GET(self) -> None:
        """Answer."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """The head alone."""
        self._answer(with_body=False)

    def version_string(self) -> str:
        """Nobody need know our Python."""
        return "pixyz-scheduler"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the library's name)
        """Probes come every few seconds."""
        _log.debug(format, *args)

    def _answer(self, *, with_body: bool) -> None:
        page = self._page()
        self.send_response(page.status)
        self.send_header("content-type", page.kind)
        self.send_header("content-length", str(len(page.body)))
        self.send_header("cache-control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(page.body)

    def _page(self) -> Page:
        pages = self.server.pages
        make = pages.get(self.path.partition("?")[0])
        if make is None:
            return Page(404, f"There are: {', '.join(sorted(pages))}.\n".encode(), "text/plain; charset=utf-8")
        try:
            return make()
        except Exception:  # noqa: BLE001  (whatever it is: a caller is told that something is wrong, and the log what)
            _log.exception("%s cannot be told", self.path)
            return Page(500, b"It cannot be told; the worker's log says why.\n", "text/plain; charset=utf-8")
