"""Accelerator: a proxy in front that sends a file itself, told by a header which one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import quote

Kind = Literal["off", "x-accel-redirect", "x-sendfile"]


@dataclass(frozen=True)
class Accelerator:
    """How a proxy is told which file to send.

    Attributes:
        kind: `x-accel-redirect` (nginx), `x-sendfile` (Apache, lighttpd), or off.
        share: the shared folder, resolved; the proxy sees the same files.
        prefix: of the internal location under which nginx has the share.
    """

    kind: Kind = "off"
    share: Path = Path()
    prefix: str = "/pixyz-share"

    def headers(self, file: BinaryIO) -> Mapping[str, str]:
        """What tells the proxy to send this file; empty where it is sent from here."""
        if self.kind == "off":
            return {}
        path = _path_of(file)
        # What has been renamed or removed meanwhile is sent from the open file.
        if path is None or not path.is_relative_to(self.share):
            return {}
        if self.kind == "x-sendfile":
            return {"x-sendfile": quote(os.fsencode(path), safe="/")}
        relative = quote(os.fsencode(path.relative_to(self.share)), safe="/")
        return {"x-accel-redirect": f"{self.prefix.rstrip('/')}/{relative}"}


NO_ACCELERATOR = Accelerator()


def _path_of(file: BinaryIO) -> Path | None:
    """Where an open file lies, as the kernel has it: no link is in it; None where it cannot be told."""
    try:
        path = Path(os.readlink(f"/proc/self/fd/{file.fileno()}"))  # noqa: PTH115  (bytes of a name may be no text)
        here, there = os.fstat(file.fileno()), os.stat(path, follow_symlinks=False)  # noqa: PTH116
    except OSError:
        return None
    return path if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino) else None
