"""Caller: an HTTP client that costs little, so that what is measured is the server.

One kept connection on which prepared bytes are sent; it reads answers with a Content-Length, which all of ours have.
"""

import json
import socket
import time
from collections.abc import Mapping
from typing import Any, BinaryIO

from typing_extensions import Self

_BUFFER = 1 << 20
# The server closes what is silent for 5 s.
_STALE = 3.0
# As long as that of httpx, and as quick to find.
_BOUNDARY = "7d1f0e5a9b3c4c6f8a2e4d6b1c3f5a79"
_END = f"--{_BOUNDARY}--\r\n".encode()
FORM = f"multipart/form-data; boundary={_BOUNDARY}"


class Caller:
    """One connection; a context manager.

    Args:
        port: of an API on this machine.
        key: the API key.
    """

    def __init__(self, port: int, key: str) -> None:
        self._address = ("127.0.0.1", port)
        self._key = key
        self._line: socket.socket | None = None
        self._used = 0.0
        self._buffer = bytearray(_BUFFER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._line is not None:
            self._line.close()

    def prepared(
        self, method: str, path: str, body: bytes = b"", *, length: int | None = None, more: str = ""
    ) -> bytes:
        """A request as bytes; `length` of a body that is sent afterwards."""
        size = len(body) if length is None else length
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nx-api-key: {self._key}\r\n{more}"
        if size:
            head += f"Content-Type: {FORM}\r\nContent-Length: {size}\r\n"
        return f"{head}\r\n".encode() + body

    def send(self, request: bytes, file: BinaryIO | None = None, after: bytes = b"") -> tuple[int, bytes]:
        """Status and body; between the request and what comes after it a file is sent by the kernel."""
        line = self._connected()
        line.sendall(request)
        if file is not None:
            line.sendfile(file)
            line.sendall(after)
        status, rest, left = self._head(line)
        body = bytearray(rest)
        while len(body) < left:
            count = line.recv_into(self._buffer)
            if not count:
                raise ConnectionError("the answer was cut")
            body += self._buffer[:count]
        self._used = time.monotonic()
        return status, bytes(body)

    def drain(self, request: bytes) -> tuple[int, int]:
        """Status and number of bytes of an answer that is thrown away as it comes."""
        line = self._connected()
        line.sendall(request)
        status, rest, left = self._head(line)
        got = len(rest)
        while got < left:
            count = line.recv_into(self._buffer)
            if not count:
                raise ConnectionError("the answer was cut")
            got += count
        self._used = time.monotonic()
        return status, got

    def get(self, path: str) -> Any:
        """The JSON of an answer; raises RuntimeError where it is not 200."""
        status, body = self.send(self.prepared("GET", path))
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {body[:500]!r}")
        return json.loads(body)

    def read_to_the_end(self, request: bytes) -> int:
        """Bytes of an answer to a request with `Connection: close`, whose length nobody knows before its end."""
        line = self._connected()
        line.sendall(request)
        got = 0
        while count := line.recv_into(self._buffer):
            got += count
        return got

    def status(self, request: bytes) -> int:
        """Of a HEAD, whose answer has a length and no body; the connection is good for nothing else afterwards."""
        line = self._connected()
        line.sendall(request)
        return self._head(line)[0]

    def post(self, request: bytes, file: BinaryIO | None = None, after: bytes = b"") -> str:
        """The uuid of a job sent by a prepared request, with a file as in `send`."""
        status, body = self.send(request, file, after)
        if status != 200:
            raise RuntimeError(f"POST: {status} {body[:500]!r}")
        return str(json.loads(body)["uuid"])

    def ended(self, uuid: str, *, pause: float = 0.005) -> dict[str, Any]:
        """The details of a job once it has succeeded.

        Asking without a pause would take the processor from those who are measured.
        """
        path = f"/jobs/{uuid}"
        while (status := self.get(path)["status"]) not in ("SUCCESS", "FAILURE", "REVOKED"):
            time.sleep(pause)
        details: dict[str, Any] = self.get(f"{path}/details")
        if status != "SUCCESS":
            raise RuntimeError(f"job {uuid}: {status} {details['error']}")
        return details

    def _connected(self) -> socket.socket:
        if self._line is not None and time.monotonic() - self._used > _STALE:
            self._line.close()
            self._line = None
        if self._line is None:
            self._line = socket.create_connection(self._address, timeout=120)
            self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used = time.monotonic()
        return self._line

    def _head(self, line: socket.socket) -> tuple[int, bytes, int]:
        """Status, what came of the body with it, and the body's length."""
        got = b""
        while b"\r\n\r\n" not in got:
            batch = line.recv(65536)
            if not batch:
                raise ConnectionError("the answer was cut")
            got += batch
        head, _, rest = got.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((row.split(b":")[1] for row in lines if row.startswith(b"content-length:")), b"0")
        return int(lines[0].split(b" ")[1]), rest, int(length)


def form(script: bytes, *, file: str, **fields: object) -> tuple[bytes, bytes]:
    """A form's bytes before and after the content of its file; the fields are sent as JSON."""
    return _fields(script, fields) + _part(f'name="file"; filename="{file}"'), b"\r\n" + _END


def whole(script: bytes, **fields: object) -> bytes:
    """A form without a file."""
    return _fields(script, fields) + _END


def _fields(script: bytes, fields: Mapping[str, object]) -> bytes:
    parts = b"".join(_part(f'name="{name}"') + json.dumps(value).encode() + b"\r\n" for name, value in fields.items())
    return parts + _part('name="script"; filename="bench.py"') + script + b"\r\n"


def _part(what: str) -> bytes:
    return f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {what}\r\n\r\n".encode()
