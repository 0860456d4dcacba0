"""Carries calls over HTTP with httpx, and puts what goes wrong on the way into words."""

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

import httpx

from pixyz_scheduler.client import protocol
from pixyz_scheduler.client.errors import BadAddress, Broken, TransferFailed, Unreachable
from pixyz_scheduler.client.parsing import Answer
from pixyz_scheduler.client.protocol import Call

T = TypeVar("T")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CONNECT_TIMEOUT = 10.0


class Transport:
    """A connection to one scheduler."""

    def __init__(self, url: str, token: str | None, *, timeout: float) -> None:
        self.url = protocol.address(url)
        self._timeout = timeout
        parts = urlsplit(self.url)
        self._http = httpx.Client(
            base_url=_checked(self.url),
            headers=protocol.headers(token),
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT)),
            # A proxy from the environment is never the way to this machine itself.
            trust_env=parts.hostname not in LOOPBACK,
            # Reading the certificate store costs 20 ms that plain HTTP need not pay; this context trusts nobody.
            verify=True if parts.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )

    def send(self, call: Call[T]) -> T:
        """Send the call; its value, or its error."""
        with ExitStack() as opened, self.in_words():
            files = {key: (path.name, opened.enter_context(_open(path))) for key, path in call.files.items()}
            response = self._http.request(
                call.method,
                call.path,
                params=call.query or None,
                data=call.form or None,
                files=files or None,
                headers=call.headers or None,
            )
        return call.read(_answer(response), self.url)

    @contextmanager
    def stream(
        self, path: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Iterator[httpx.Response]:
        """GET a body piece by piece; `timeout` bounds the silence between two pieces."""
        with self.in_words():
            bounds = httpx.Timeout(timeout or self._timeout, connect=min(self._timeout, CONNECT_TIMEOUT))
            with self._http.stream("GET", path, headers=headers, timeout=bounds) as response:
                yield response

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    @contextmanager
    def in_words(self) -> Iterator[None]:
        """Errors of httpx become ours, for a body that is read after its `stream` was entered too."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreachable(
                f"No scheduler answers at {self.url} ({_reason(error)}). "
                "Start one with `pixyz-scheduler up`, or name another with -u URL or PIXYZ_URL."
            ) from error
        except httpx.TimeoutException as error:
            raise Unreachable(
                f"{self.url} did not answer within {self._timeout:g} s. It may be overloaded: try again."
            ) from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise Broken(f"The connection to {self.url} broke ({_reason(error)}). Try again.") from error


def read_whole(response: httpx.Response) -> Answer:
    """The answer of a streamed response whose body is wanted after all."""
    response.read()
    return _answer(response)


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


def _answer(response: httpx.Response) -> Answer:
    return Answer(response.status_code, response.content, {key.lower(): each for key, each in response.headers.items()})


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return "no answer to the connection"
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)).rstrip(".") or type(error).__name__
