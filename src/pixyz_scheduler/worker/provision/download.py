"""An input by URL, fetched into a job's folder before its script begins."""

import base64
import http.client
import os
import secrets
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urljoin

from pixyz_scheduler import __version__
from pixyz_scheduler.errors import InputMissing, InvalidConfig, InvalidUpload, Unavailable, UploadTooLarge
from pixyz_scheduler.jobs.input_url import AllowedUrls, InputUrl
from pixyz_scheduler.storage.disk import disk_in_words
from pixyz_scheduler.storage.incoming import clean_name
from pixyz_scheduler.storage.space import in_words, require_space
from pixyz_scheduler.worker.provision.connection import CheckedConnection, Resolve, resolve

MAX_REDIRECTS = 5
_BATCH = 1 << 20
_OK = 200
_MOVED = frozenset({301, 302, 303, 307, 308})
# What a server says that may pass: too busy, too early, or its own fault.
_LATER = frozenset({408, 425, 429})
_SERVERS_FAULT = 500


@dataclass(frozen=True)
class Download:
    """How inputs are fetched.

    Attributes:
        allowed: from where.
        max_bytes: of one; 0 for no limit.
        min_free: bytes that must be left on the disk.
        told: called with the file's name and its bytes, where the server says how many, as it begins to come.
        resolve: looks hosts up.
    """

    allowed: AllowedUrls
    max_bytes: int = 0
    min_free: int = 0
    told: Callable[[str, int | None], None] = lambda _, __: None
    resolve: Resolve = field(default=resolve, repr=False)

    def fetch(self, url: InputUrl, into: Path, *, beside: str, mode: int = 0o600) -> Path:
        """Fetch the file; it is whole, or not there.

        Args:
            url: as `allowed` gave it.
            into: the folder.
            beside: the name of a file there that must stay.
            mode: permission bits of the file.

        Raises:
            InputMissing: it is not there, or not given out.
            InvalidConfig: it leads to where nothing may be fetched from.
            UploadTooLarge: it has more bytes than are allowed.
            Unavailable, StorageFull: not now.
        """
        first, user = url, url.user
        for _ in range(MAX_REDIRECTS + 1):
            with closing(CheckedConnection(url, resolve=self.resolve)) as connection:
                response = self._ask(connection, url, user if url.origin == first.origin else None)
                if response.status in _MOVED:
                    url = self._next(url, response)
                    continue
                self._see_to(url, response)
                return self._receive(url, response, into, beside=beside, mode=mode)
        raise InputMissing(f"{first.shown} leads on more than {MAX_REDIRECTS} times.")

    def _ask(self, connection: CheckedConnection, url: InputUrl, user: str | None) -> http.client.HTTPResponse:
        headers = {"Accept-Encoding": "identity", "User-Agent": f"pixyz-scheduler/{__version__}", "Connection": "close"}
        if user is not None:
            headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
        try:
            connection.request("GET", url.target, headers=headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{url.shown} does not answer: {_reason(error)}.") from error

    def _next(self, url: InputUrl, response: http.client.HTTPResponse) -> InputUrl:
        place = response.getheader("Location")
        if not place:
            raise InputMissing(f"{url.shown} leads on, and does not say where ({response.status}).")
        here = f"{url.scheme}://{f'[{url.host}]' if ':' in url.host else url.host}:{url.port}{url.target}"
        try:
            return self.allowed.check(urljoin(here, place))
        except InvalidConfig as error:
            raise InvalidConfig(f"{url.shown} leads on: {error}") from None

    def _see_to(self, url: InputUrl, response: http.client.HTTPResponse) -> None:
        status = response.status
        if status in _LATER or status >= _SERVERS_FAULT:
            raise Unavailable(f"{url.shown} cannot be fetched now: {status} {response.reason}.")
        if status != _OK:
            raise InputMissing(f"{url.shown} is not to be had: {status} {response.reason}.")
        encoding = response.getheader("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            raise InputMissing(f"{url.shown} comes in the encoding {encoding!r}, which was not asked for.")

    def _receive(
        self, url: InputUrl, response: http.client.HTTPResponse, into: Path, *, beside: str, mode: int
    ) -> Path:
        size = response.length
        self._check_size(url, size or 0)
        require_space(into, least=self.min_free, coming=size or 0)
        name = _free(_name_of(url, response), beside)
        self.told(name, size)
        part = into / f".{secrets.token_hex(8)}.part"
        try:
            with disk_in_words(into / name):
                self._write(url, response, part, mode)
                part.replace(into / name)
        finally:
            part.unlink(missing_ok=True)
        return into / name

    def _write(self, url: InputUrl, response: http.client.HTTPResponse, part: Path, mode: int) -> None:
        announced, received = response.length, 0
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb", buffering=0) as file:
            while batch := _read(url, response):
                received += len(batch)
                self._check_size(url, received)
                rest = memoryview(batch)
                while rest:
                    rest = rest[file.write(rest) :]
        if announced is not None and received != announced:
            raise Unavailable(f"{url.shown} was cut off after {received} of {announced} bytes.")

    def _check_size(self, url: InputUrl, size: int) -> None:
        if self.max_bytes and size > self.max_bytes:
            raise UploadTooLarge(f"{url.shown} has more than {in_words(self.max_bytes)} (MAX_UPLOAD_SIZE).")


def _read(url: InputUrl, response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_BATCH)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"{url.shown} was cut off: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _name_of(url: InputUrl, response: http.client.HTTPResponse) -> str:
    """What the server calls the file, else the last part of the address."""
    path = unquote(url.target.partition("?")[0])
    for name in (response.headers.get_filename(), PurePosixPath(path).name):
        with suppress(InvalidUpload):
            return clean_name(name or "")
    return "input"


def _free(name: str, beside: str) -> str:
    path = PurePosixPath(name)
    return name if name.casefold() != beside.casefold() else f"{path.stem}_2{path.suffix}"
