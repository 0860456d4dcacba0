"""Logging, set up once by an entry point: the job's id on every line, text or JSON, never a secret."""

from __future__ import annotations

import json
import logging
import math
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone
from types import TracebackType
from typing import TextIO
from urllib.parse import quote

_log = logging.getLogger(__name__)

_job_id: ContextVar[str] = ContextVar("job_id", default="-")
_span: ContextVar[tuple[str, str] | None] = ContextVar("span", default=None)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "job"}
_URL_PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):[^\s/@]+@")
# A line of the log is a line: what a user sends must not begin one, nor colour the terminal.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127) if chr(code) not in "\n\t"}
# What these tell at INFO we tell ourselves, or nobody asks.
_CHATTY = ("celery.apps.worker", "celery.worker.consumer.connection", "httpx", "uvicorn.error")
_SHORTEST_SECRET = 4
"""Shorter ones would blacken half of every line; they are still taken out of addresses."""


class Trouble:
    """What goes wrong again and again while its cause lasts, and is told when it begins and when it has passed.

    Args:
        log: where it is told.
        what: what cannot be done meanwhile, as `not cleaned`.
    """

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log = log
        self._what = what
        self._lasts = False

    def met(self, error: Exception) -> None:
        """It went wrong."""
        if not self._lasts:
            self._log.warning("%s: %s", self._what, error)
        self._lasts = True

    def passed(self) -> None:
        """It went well."""
        if self._lasts:
            self._log.info("no longer: %s", self._what)
        self._lasts = False


@contextmanager
def about_job(job_id: str, span: tuple[str, str] | None = None) -> Iterator[None]:
    """All that is logged inside, in this thread or task, carries the job's id, and those of its trace and span."""
    token, outer = _job_id.set(job_id), _span.set(span)
    try:
        yield
    finally:
        _span.reset(outer)
        _job_id.reset(token)


def set_up_logging(
    level: str = "INFO", *, style: str = "text", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Send everything logged, and Python's warnings, to one stream (standard error); call it again to change it.

    Args:
        level: `DEBUG` to `CRITICAL`.
        style: `text`, shorter where the stream is a terminal; or `json` for one object a line.
        secrets: texts that are replaced by `***` wherever they turn up.
        stream: where the lines go.
    """
    stream = stream or sys.stderr
    kind = _Json if style == "json" else _Short if stream.isatty() else _Text
    handler = _Handler(stream)
    handler.setFormatter(kind(tuple(secrets)))
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "DEBUG" else logging.WARNING)
    logging.captureWarnings(capture=True)


def log_uncaught() -> None:
    """What nobody catches, in whichever thread, becomes a line of the log too, instead of Python's own report."""

    def main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            _log.critical("not caught: %s", error, exc_info=(kind, error, trace))

    def thread(told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None and not isinstance(told.exc_value, SystemExit):
            name = told.thread.name if told.thread else "?"
            _log.critical("not caught in the thread %s: %s", name, told.exc_value, exc_info=told.exc_value)

    def unraisable(told: sys.UnraisableHookArgs) -> None:
        _log.error("%s %r: %s", told.err_msg or "ignored in", told.object, told.exc_value, exc_info=told.exc_value)

    sys.excepthook, threading.excepthook, sys.unraisablehook = main, thread, unraisable


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]  # 3.10 cannot subscript it
    """Ours, so that a second call replaces it and nobody else's."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (the standard library's name)
        """A line that cannot be made is told as one that can; one that nobody takes (a full disk) is lost."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError | RecursionError) or record.name == __name__:
            return
        told = f"a line cannot be logged: {type(error).__name__}: {error}; it was {record.msg!r} of {record.name}"
        about = {"name": __name__, "msg": told, "levelno": logging.ERROR, "levelname": "ERROR"}
        self.handle(logging.makeLogRecord(about))


class _Formatter(logging.Formatter):
    """What both styles share: the time, the fields, the blackened secrets."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__()
        known = sorted({form for text in secrets for form in _forms(text)}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None

    def format(self, record: logging.LogRecord) -> str:
        return self.without_secrets(self.line(record))

    def line(self, record: logging.LogRecord) -> str:
        raise NotImplementedError

    def without_secrets(self, line: str) -> str:
        if self._secrets:
            line = self._secrets.sub("***", line)
        return _URL_PASSWORD.sub(r"\1:***@", line)

    @staticmethod
    def time(record: logging.LogRecord) -> str:
        return datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")

    @staticmethod
    def fields(record: logging.LogRecord) -> dict[str, object]:
        """What the caller gave as `extra`."""
        return {name: value for name, value in vars(record).items() if name not in _STANDARD}

    def trace(self, record: logging.LogRecord) -> str:
        parts = [self.formatException(record.exc_info)] if record.exc_info else []
        return "\n".join([*parts, record.stack_info] if record.stack_info else parts)


class _Text(_Formatter):
    def line(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in self.fields(record).items())
        said = f"{record.getMessage()}{fields}".translate(_CONTROL).replace("\n", "\n    ")
        trace = self.trace(record).translate(_CONTROL).replace("\n", "\n    ")
        line = f"{self.head(record)} {said}"
        return f"{line}\n    {trace}" if trace else line

    def head(self, record: logging.LogRecord) -> str:
        return f"{self.time(record)} {record.levelname:<7} [{_job_id.get()}] {record.name}:"


class _Short(_Text):
    """For eyes: the time of day here, the job's first letters, and a level only where something is wrong."""

    def head(self, record: logging.LogRecord) -> str:
        job = _job_id.get()
        parts = (
            datetime.fromtimestamp(record.created, timezone.utc).astimezone().strftime("%H:%M:%S"),
            f"{record.levelname}:" if record.levelno >= logging.WARNING else "",
            f"job {job[:8]}:" if job != "-" else "",
        )
        return " ".join(filter(None, parts))


class _Json(_Formatter):
    """The names of the fields are documented in docs/reference/logs.md: none is renamed or changes its meaning."""

    def format(self, record: logging.LogRecord) -> str:
        """Secrets go before it becomes JSON: one that reads `true` would leave what nobody can read."""
        return json.dumps(self._clean(self.whole(record)), allow_nan=False)

    def whole(self, record: logging.LogRecord) -> dict[str, object]:
        job, span, trace = _job_id.get(), _span.get(), self.trace(record)
        ours: dict[str, object] = {
            "time": self.time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **({} if job == "-" else {"job": job}),
            **({} if span is None else {"trace_id": span[0], "span_id": span[1]}),
            **({"exception": trace} if trace else {}),
        }
        return {**ours, **{name: value for name, value in self.fields(record).items() if name not in ours}}

    def _clean(self, value: object) -> object:
        match value:
            case Mapping():
                return {str(self._clean(str(name))): self._clean(one) for name, one in value.items()}
            case list() | tuple():
                return [self._clean(one) for one in value]
            case None | bool():
                return value
            case int() | float() if math.isfinite(value):
                return value if self.without_secrets(str(value)) == str(value) else "***"
            case _:
                return self.without_secrets(str(value))


def _forms(secret: str) -> tuple[str, ...]:
    """A secret as it is, in an address, in JSON."""
    if len(secret) < _SHORTEST_SECRET:
        return ()
    return secret, quote(secret, safe=""), json.dumps(secret)[1:-1]
