"""Puts what httpx says into our words, and builds what both of its clients are given."""

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx

from pixyz_scheduler.client import protocol
from pixyz_scheduler.client.errors import BadAddress, Broken, TransferFailed, Unreachable
from pixyz_scheduler.client.parsing import Answer
from pixyz_scheduler.client.protocol import Call
from pixyz_scheduler.client.wire import OnBytes

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CONNECT_TIMEOUT = 10.0


def settings(url: str, token: str | None, *, timeout: float) -> dict[str, Any]:
    """What httpx's clients are made with."""
    parts = urlsplit(url)
    return {
        "base_url": _checked(url),
        "headers": protocol.headers(token),
        "timeout": bounds(timeout, timeout),
        # A proxy from the environment is never the way to this machine itself.
        "trust_env": parts.hostname not in LOOPBACK,
        # Reading the certificate store costs 20 ms that plain HTTP need not pay; this context trusts nobody.
        "verify": True if parts.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    }


def bounds(timeout: float, silence: float | None) -> httpx.Timeout:
    """Seconds for a connection, and between two pieces of a body."""
    return httpx.Timeout(silence or timeout, connect=min(timeout, CONNECT_TIMEOUT))


@contextmanager
def request(call: Call[Any], on_bytes: OnBytes | None) -> Iterator[dict[str, Any]]:
    """What httpx's `request` is given for a call; its files are open meanwhile."""
    with ExitStack() as opened:
        streams = [(key, path, opened.enter_context(_open(path))) for key, path in call.files]
        told = None if on_bytes is None else _Sum(sum(path.stat().st_size for _, path in call.files), on_bytes)
        files = [(key, (path.name, file if told is None else _Counted(file, told.add))) for key, path, file in streams]
        yield {
            "method": call.method,
            "url": call.path,
            "params": call.query or None,
            "data": call.form or None,
            "files": files or None,
            "headers": call.headers or None,
        }


def answer(response: httpx.Response) -> Answer:
    """The answer of a response that has been read."""
    return Answer(response.status_code, response.content, headers(response))


def headers(response: httpx.Response) -> dict[str, str]:
    """By names in lower case."""
    return {key.lower(): each for key, each in response.headers.items()}


@contextmanager
def in_words(url: str, timeout: float) -> Iterator[None]:
    """Errors of httpx become ours."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Unreachable(
            f"No scheduler answers at {url} ({_reason(error)}). "
            "Start one with `pixyz-scheduler up`, or name another with -u URL or PIXYZ_URL."
        ) from error
    except httpx.TimeoutException as error:
        raise Unreachable(f"{url} did not answer within {timeout:g} s. It may be overloaded: try again.") from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise Broken(f"The connection to {url} broke ({_reason(error)}). Try again.") from error


class _Sum:
    """How much of all files of a request has gone."""

    def __init__(self, total: int, tell: OnBytes) -> None:
        self._done = 0
        self._total = total
        self._tell = tell

    def add(self, count: int) -> None:
        self._done += count
        self._tell(min(self._done, self._total), self._total)


class _Counted:
    """A file that tells how much of it is read; with just what httpx asks of one."""

    def __init__(self, file: BinaryIO, add: Callable[[int], None]) -> None:
        self._file = file
        self._add = add

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._add(len(data))
        return data

    def fileno(self) -> int:
        return self._file.fileno()


def _checked(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
        address.host.encode("idna")  # httpx decodes the host only when it is asked for
    except (httpx.InvalidURL, UnicodeError) as error:
        raise BadAddress(f"{url!r} is not the URL of a scheduler: {_reason(error)}.") from error
    return address


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise TransferFailed(f"Cannot read {path}: {error.strerror}.") from error


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return "no answer to the connection"
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)).rstrip(".") or type(error).__name__
