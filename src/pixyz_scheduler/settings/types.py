"""The kinds of setting: how each is read, and what is allowed, in words."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath, PureWindowsPath
from typing import Annotated, Literal
from urllib.parse import urlsplit

from platformdirs import user_cache_dir, user_data_dir
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from pixyz_scheduler.settings.store_url import StoreUrl
from pixyz_scheduler.settings.url_pattern import UrlPattern

_QUEUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_LEVELS = {"WARN": "WARNING", "FATAL": "CRITICAL"}


@dataclass(frozen=True)
class Allowed:
    """What may be written, for the error and for the documentation."""

    text: str


def share_folder() -> Path:
    """Where the shared folder is when nobody says it."""
    return Path(share_place(platform=sys.platform, environ=os.environ))


def share_place(*, platform: str, environ: Mapping[str, str]) -> PurePath:
    """That of a system: on Windows `/tmp/share` would be another folder for each drive that somebody stands on."""
    if platform != "win32":
        return PurePath("/tmp/share")  # noqa: S108  (as users know it)
    return PureWindowsPath(environ.get("PROGRAMDATA", "C:\\ProgramData"), "PixyzSDK", "share")


def data_folder() -> Path:
    """Where data of ours stays on this machine."""
    return Path(user_data_dir("pixyz-scheduler", appauthor=False))


def environments_folder() -> Path:
    """Where packages of scripts are kept on this machine."""
    return Path(user_cache_dir("pixyz-scheduler", appauthor=False)) / "environments"


def default_process_path() -> Path:
    """The package's own `process` folder; in a checkout, `processes` beside `src`."""
    package = Path(__file__).resolve().parents[1]
    packaged, checkout = package / "process", package.parents[1] / "processes"
    return checkout if checkout.is_dir() and not packaged.is_dir() else packaged


def _level(value: object) -> object:
    return _LEVELS.get(value.upper(), value.upper()) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    # A dict keeps the order and drops what is said twice.
    return tuple(dict.fromkeys(part for part in re.split(r"[,\s]+", value) if part))


def _queue(name: str) -> str:
    if not _QUEUE.fullmatch(name):
        raise ValueError("not a queue name")
    return name


def _origin(origin: str) -> str:
    parts = urlsplit(origin)
    if origin != "*" and (parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}"):
        raise ValueError("not an origin")
    return origin


def _url_pattern(text: str) -> str:
    UrlPattern.parse(text)
    return text


def _unless_off(value: object) -> object:
    return () if _split(value) == ("off",) else _split(value)


def _digest(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value().strip()
    if text and not _DIGEST.fullmatch(text):
        raise ValueError("not a SHA-256")
    return SecretStr(text.lower())


def _store_address(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value():
        StoreUrl.parse(secret.get_secret_value())
    return secret


def _any_address(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value() and ":" not in secret.get_secret_value():
        raise ValueError("not an address")
    return secret


def _collector(secret: SecretStr) -> SecretStr:
    parts = urlsplit(secret.get_secret_value())
    is_good = parts.scheme in ("http", "https") and parts.hostname and parts.password is None
    if secret.get_secret_value() and not is_good:
        raise ValueError("not an address of HTTP")
    return secret


def _absolute(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("not a path")
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError("no such user") from error


Text = Annotated[str, Field(pattern=r"^\S*$"), Allowed("text without blanks")]
Host = Annotated[str, Field(pattern=r"^[^\s/@]+$"), Allowed("a host name or an IP address")]
Port = Annotated[int, Field(ge=1, le=65535), Allowed("a port, 1 to 65535")]
PortOrNone = Annotated[int, Field(ge=0, le=65535), Allowed("a port, 1 to 65535, or 0 for none")]
Database = Annotated[str, Field(pattern=r"^[0-9]{1,4}$"), Allowed("the number of a database, such as 0")]
Switch = Annotated[bool, Allowed("true or false (1, 0, yes, no, on, off do as well)")]
Count = Annotated[int, Field(ge=0), Allowed("a whole number, 0 or more")]
Positive = Annotated[int, Field(ge=1), Allowed("a whole number, 1 or more")]
Kibibytes = Annotated[int, Field(ge=0), Allowed("KiB as a whole number (2 GiB = 2097152), 0 for no limit")]
Bytes = Annotated[int, Field(ge=0), Allowed("bytes as a whole number (2 GiB = 2147483648), 0 for no limit")]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False), Allowed("seconds, more than 0")]
SecondsOrZero = Annotated[float, Field(ge=0, allow_inf_nan=False), Allowed("seconds, 0 or more")]
Factor = Annotated[float, Field(ge=0.05, le=100), Allowed("a number, 0.05 to 100")]
Folder = Annotated[Path, AfterValidator(_absolute), Allowed("a folder")]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    BeforeValidator(_level),
    Allowed("DEBUG, INFO, WARNING, ERROR or CRITICAL"),
]
LogFormat = Annotated[Literal["text", "json"], BeforeValidator(_lower), Allowed("text or json")]
DownloadAccelerator = Annotated[
    Literal["off", "x-accel-redirect", "x-sendfile"],
    BeforeValidator(_lower),
    Allowed("off, x-accel-redirect or x-sendfile"),
]
AcceleratorPrefix = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/-]*$"), Allowed("a path such as /pixyz-share")]
PoolType = Annotated[Literal["solo", "pool"], BeforeValidator(_lower), Allowed("solo or pool")]
Isolation = Annotated[Literal["fork", "spawn"], BeforeValidator(_lower), Allowed("fork or spawn")]
EngineName = Annotated[
    Literal["auto", "pixyz", "open", "none"], BeforeValidator(_lower), Allowed("auto, pixyz, open or none")
]
Dependencies = Annotated[Literal["off", "allow"], BeforeValidator(_lower), Allowed("off or allow")]
QueueNames = Annotated[
    tuple[Annotated[str, AfterValidator(_queue)], ...],
    BeforeValidator(_split),
    Field(min_length=1),
    Allowed("names of queues (letters, digits, `_`, `-`, `.`) with commas between"),
]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_origin)], ...],
    BeforeValidator(_split),
    Allowed("origins such as https://example.com with commas between, or *"),
]
InputUrls = Annotated[
    tuple[Annotated[str, AfterValidator(_url_pattern)], ...],
    BeforeValidator(_unless_off),
    Allowed("off, or http, https, file and addresses such as https://models.example.com/ with commas between"),
]
Secret = Annotated[SecretStr, Allowed("text")]
Digest = Annotated[
    SecretStr, AfterValidator(_digest), Allowed("a SHA-256 as 64 hexadecimal digits (of the key, not the key itself)")
]
StoreAddress = Annotated[
    SecretStr,
    AfterValidator(_store_address),
    Allowed("redis://, rediss:// or redis+socket:// with a host (or path) and the number of a database"),
]
Collector = Annotated[
    SecretStr,
    AfterValidator(_collector),
    Allowed("an address such as http://127.0.0.1:4318, without a key (that is for OTEL_EXPORTER_OTLP_HEADERS)"),
]
ResultAddress = Annotated[SecretStr, AfterValidator(_any_address), Allowed("an address that Celery takes")]
