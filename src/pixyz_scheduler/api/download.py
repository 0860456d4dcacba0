"""Download: an open file as an answer: ranges, conditions, and never a wait for the disk on the loop."""

import os
import re
from collections.abc import AsyncIterator
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from typing import BinaryIO
from urllib.parse import quote

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from pixyz_scheduler.api.accelerator import NO_ACCELERATOR, Accelerator

_BATCH = 512 << 10
_OCTETS = "application/octet-stream"
_RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)")

# Python's own table depends on the machine; these are what users' viewers ask for.
MEDIA_TYPES = {
    "3mf": "model/3mf",
    "brep": "text/plain",
    "css": "text/css",
    "csv": "text/csv",
    "dae": "model/vnd.collada+xml",
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "htm": "text/html",
    "html": "text/html",
    "iges": "model/iges",
    "igs": "model/iges",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript",
    "json": "application/json",
    "log": "text/plain",
    "md": "text/markdown",
    "mp4": "video/mp4",
    "mtl": "model/mtl",
    "obj": "model/obj",
    "pdf": "application/pdf",
    "png": "image/png",
    "py": "text/x-python",
    "step": "model/step",
    "stl": "model/stl",
    "stp": "model/step",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "usda": "model/vnd.usda",
    "usdz": "model/vnd.usdz+zip",
    "webp": "image/webp",
    "x_b": "model/vnd.parasolid.transmit.binary",
    "x_t": "model/vnd.parasolid.transmit.text",
    "xml": "application/xml",
    "zip": "application/zip",
}


def media_type_of(name: str) -> str:
    """The media type of a file by its suffix; bytes where it is not known."""
    return MEDIA_TYPES.get(name.rpartition(".")[2].lower(), _OCTETS)


class Download(StreamingResponse):
    """An open file as an answer; it is closed when the answer is over, however it ends.

    Args:
        file: open for reading, at its start.
        asked: the request's headers.
        filename: what the client should call it.
        media_type: what it is.
        attached: to be saved by a browser and not shown.
        accelerator: sends the file instead, where there is one; the proxy answers `Range` and conditions itself.

    Raises:
        HTTPException: 416, the file has no such range. The file is closed.
    """

    def __init__(
        self,
        file: BinaryIO,
        asked: Headers,
        *,
        filename: str,
        media_type: str,
        attached: bool = False,
        accelerator: Accelerator = NO_ACCELERATOR,
    ) -> None:
        self._file = file
        status = os.fstat(file.fileno())
        etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"'
        headers = {
            "accept-ranges": "bytes",
            "cache-control": "no-cache",
            "content-disposition": _disposition(filename, attached=attached),
            # A script's page must not act in the name of whoever looks at it.
            "content-security-policy": "sandbox",
            "etag": etag,
            "last-modified": formatdate(status.st_mtime, usegmt=True),
            "x-content-type-options": "nosniff",
        }
        self._first, self._length = 0, status.st_size
        code = HTTPStatus.OK
        if instead := accelerator.headers(file):
            headers |= instead
            self._length = 0
        elif _is_known(asked, etag, status.st_mtime):
            code, self._length = HTTPStatus.NOT_MODIFIED, 0
        elif part := self._part(asked, etag, status.st_mtime, status.st_size):
            code, (self._first, self._length) = HTTPStatus.PARTIAL_CONTENT, part
            headers["content-range"] = f"bytes {self._first}-{self._first + self._length - 1}/{status.st_size}"
        if code is not HTTPStatus.NOT_MODIFIED:
            headers["content-length"] = str(self._length)
        super().__init__(self._batches(), status_code=code, headers=headers, media_type=media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; to a HEAD only what would be said of it."""
        if scope["method"] == "HEAD":
            self._first, self._length = 0, 0
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()

    async def _batches(self) -> AsyncIterator[bytes]:
        if self._length:
            await run_sync(self._file.seek, self._first)
        left = self._length
        while left > 0:
            batch = await run_sync(self._file.read, min(left, _BATCH))
            if not batch:
                # It was cut while it was sent: the client sees that bytes are missing.
                return
            left -= len(batch)
            yield batch

    def _part(self, asked: Headers, etag: str, mtime: float, size: int) -> tuple[int, int] | None:
        """First byte and length of the one range asked for; None for the whole file, as for several ranges."""
        found = _RANGE.fullmatch(asked.get("range", "").strip())
        if not found or not (found["first"] or found["last"]) or not _is_same(asked, etag, mtime):
            return None
        if found["first"]:
            first = int(found["first"])
            last = min(int(found["last"]), size - 1) if found["last"] else size - 1
            if found["last"] and int(found["last"]) < first:
                return None
        else:
            first, last = max(0, size - int(found["last"])), size - 1
        if first > last:
            self._file.close()
            raise HTTPException(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                f"The file has {size} bytes; it has no range {found[0]!r}.",
                headers={"Content-Range": f"bytes */{size}"},
            )
        return first, last - first + 1


def _is_known(asked: Headers, etag: str, mtime: float) -> bool:
    """Whether the client has this very file already."""
    if (none_match := asked.get("if-none-match")) is not None:
        tags = [tag.strip().removeprefix("W/") for tag in none_match.split(",")]
        return "*" in tags or etag in tags
    return (since := _time(asked.get("if-modified-since"))) is not None and int(mtime) <= since


def _is_same(asked: Headers, etag: str, mtime: float) -> bool:
    """Whether a range may be answered: `If-Range` names this file, or there is none."""
    condition = asked.get("if-range")
    return condition is None or condition.strip() == etag or _time(condition) == int(mtime)


def _time(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, TypeError, OverflowError):
        return None


def _disposition(filename: str, *, attached: bool) -> str:
    kind = "attachment" if attached else "inline"
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in filename)
    encoded = quote(filename.encode("utf-8", "replace"), safe="")
    return f'{kind}; filename="{plain}"' + ("" if plain == filename else f"; filename*=UTF-8''{encoded}")
