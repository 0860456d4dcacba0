"""A connection to a host that may be asked: the address that was looked at is the one that is connected to."""

import http.client
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any

from pixyz_scheduler.errors import InputMissing, Unavailable
from pixyz_scheduler.jobs.input_url import InputUrl, is_public

Resolve = Callable[[str, int], Sequence[tuple[Any, Any, Any, Any, Any]]]
"""`socket.getaddrinfo` for streams."""

TIMEOUT = 30.0
"""Seconds for each wait for the other side."""


def resolve(host: str, port: int) -> Sequence[tuple[Any, Any, Any, Any, Any]]:
    """All addresses of a host."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class CheckedConnection(http.client.HTTPConnection):
    """HTTP to an address that was checked. What resolves a name twice may get two answers: here it is done once."""

    def __init__(self, url: InputUrl, *, resolve: Resolve = resolve) -> None:
        self.default_port = {"http": 80, "https": 443}[url.scheme]
        super().__init__(url.host, url.port, timeout=TIMEOUT)
        self._url = url
        self._resolve = resolve

    def connect(self) -> None:
        """Connect.

        Raises:
            InputMissing: the host has no address that may be asked, or no certificate that holds.
            Unavailable: it does not answer.
        """
        raw = self._open(self._addresses())
        if self._url.scheme != "https":
            self.sock = raw
            return
        try:
            self.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=self._url.host)
        except ssl.SSLCertVerificationError as error:
            raise InputMissing(f"{self._url.shown}: its certificate does not hold: {error.verify_message}.") from error
        except OSError as error:
            raise Unavailable(f"{self._url.shown} does not answer: {error}.") from error

    def _addresses(self) -> Sequence[tuple[Any, Any, Any, Any, Any]]:
        url = self._url
        try:
            found = self._resolve(url.host, url.port)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise Unavailable(f"The host of {url.shown} cannot be looked up now: {error.strerror}.") from error
            raise InputMissing(f"The host of {url.shown} is not known: {error.strerror}.") from error
        if not url.may_be_private and not all(is_public(entry[4][0]) for entry in found):
            raise InputMissing(
                f"The host of {url.shown} has an address in a private network: it is asked only where "
                "ALLOW_INPUT_URLS names this very host."
            )
        return found

    def _open(self, addresses: Sequence[tuple[Any, Any, Any, Any, Any]]) -> socket.socket:
        last: OSError | None = None
        for family, kind, protocol, _, address in addresses:
            sock = socket.socket(family, kind, protocol)
            sock.settimeout(TIMEOUT)
            try:
                sock.connect(address)
            except OSError as error:
                sock.close()
                last = error
            else:
                return sock
        raise Unavailable(f"{self._url.shown} does not answer: {last}.")
