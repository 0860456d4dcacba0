"""The form of `POST /jobs`: its fields, read from a body in batches of any size."""

import re
from collections.abc import Callable
from typing import Protocol
from urllib.parse import parse_qsl, unquote

from multipart import (  # type: ignore[import-untyped,unused-ignore]  # newer versions have types
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from pixyz_scheduler.errors import InvalidUpload
from pixyz_scheduler.intake.submission import CUSTOM, Submission
from pixyz_scheduler.jobs.trace import TraceContext
from pixyz_scheduler.storage.incoming import Incoming, IncomingFile, Kind

TEXTS = ("process", "params", "name", "config")
FILES: dict[str, Kind] = {"script": "script", "file": "input", "files": "input"}
# They may come again, each with another file.
REPEATED = ("file", "files")
MULTIPART = "multipart/form-data"
URL_ENCODED = "application/x-www-form-urlencoded"

_EXTENDED_NAME = re.compile(r";\s*filename\*\s*=\s*(?P<charset>[\w-]*)'[^']*'(?P<name>[^;\s]*)", re.IGNORECASE)
_MAX_PARTS = 500
_MAX_PAIRS = 100
_MAX_TEXT = 16 << 20
_MAX_URL_ENCODED = 2 * _MAX_TEXT


class Reader(Protocol):
    """Reads a body of one kind into fields."""

    def feed(self, batch: bytes) -> None:
        """The next part of the body."""

    def finish(self) -> None:
        """The body has ended; raises InvalidUpload where it must not end here."""


class Fields:
    """The fields of the form so far. A field that is empty counts as absent."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._seen: set[str] = set()
        self._texts: dict[str, str] = {}
        self._scripts: list[IncomingFile] = []
        self._inputs: list[IncomingFile] = []
        self._unknown: dict[str, None] = {}

    def begin(self, name: str) -> bool:
        """A field begins; whether it is one of ours. Raises InvalidUpload where it was there already."""
        if name not in TEXTS and name not in FILES:
            self._unknown[name] = None
            return False
        if name in self._seen and name not in REPEATED:
            raise InvalidUpload(f"The field {name} was sent twice; send it once.")
        self._seen.add(name)
        return True

    def add_text(self, name: str, data: bytes) -> None:
        """A field of text, whole."""
        if not data:
            return
        if name in FILES:
            raise InvalidUpload(f"{name} must be a file, not text (curl: -F {name}=@path).")
        try:
            self._texts[name] = data.decode()
        except UnicodeDecodeError as error:
            raise InvalidUpload(f"{name} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}.") from None

    def open_file(self, name: str, filename: str) -> IncomingFile:
        """A file begins."""
        file = self._incoming.create(FILES[name], filename)
        (self._scripts if FILES[name] == "script" else self._inputs).append(file)
        return file

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is not looked at."""
        known = ", ".join(("process", *FILES, "params", "name", "config"))
        return tuple(f"The field {name[:100]!r} is not known: ignored. Fields are {known}." for name in self._unknown)

    def submission(self, trace: TraceContext | None = None) -> Submission:
        """All fields together."""
        for file in (*self._scripts, *self._inputs):
            file.close()
        return Submission(
            process=self._texts.get("process", "").strip() or CUSTOM,
            script=next(iter(self._scripts), None),
            file=next(iter(self._inputs), None),
            more_files=tuple(self._inputs[1:]),
            params=self._texts.get("params"),
            config=self._texts.get("config"),
            name=self._texts.get("name"),
            warnings=self.warnings,
            trace=trace,
        )


class _Multipart:
    """multipart/form-data, in batches of any size."""

    def __init__(self, fields: Fields, boundary: str) -> None:
        self._fields = fields
        self._boundary = boundary
        self._parser = PushMultipartParser(boundary, max_segment_count=_MAX_PARTS)
        self._segment: MultipartSegment | None = None
        self._filename: str | None = None
        self._ours = False
        self._text = bytearray()
        self._file: IncomingFile | None = None

    def feed(self, batch: bytes) -> None:
        try:
            for event in self._parser.parse(batch):
                self._take(event)
        except MultipartError as error:
            raise InvalidUpload(f"The body is not valid {MULTIPART}: {error.args[0]}.") from error

    def finish(self) -> None:
        try:
            self._parser.close()
        except MultipartError as error:
            raise InvalidUpload(f"The body ends before its last boundary, --{self._boundary}--.") from error

    def _take(self, event: "MultipartSegment | bytes | bytearray | None") -> None:
        if isinstance(event, MultipartSegment):
            self._segment, self._filename = event, filename_of(event)
            self._ours = self._fields.begin(event.name or "")
        elif not self._ours or self._segment is None:
            return
        elif event is None:
            self._end(self._segment)
        elif self._segment.name in FILES and self._filename is not None:
            if self._file is None:
                self._file = self._fields.open_file(self._segment.name, self._filename)
            self._file.write(bytes(event))
        else:
            self._text += event
            if len(self._text) > _MAX_TEXT:
                raise InvalidUpload(f"{self._segment.name} has more than {_MAX_TEXT} bytes.")

    def _end(self, segment: MultipartSegment) -> None:
        name = segment.name or ""
        if name not in FILES or self._filename is None:
            self._fields.add_text(name, bytes(self._text))
            self._text.clear()
        elif self._file is None and self._filename:
            # An empty file is one all the same; without a name it is a browser's "none chosen".
            self._fields.open_file(name, self._filename)
        if self._file is not None:
            # One descriptor at a time, however many files come.
            self._file.close()
        self._file = None


class _UrlEncoded:
    """application/x-www-form-urlencoded: text only."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._body = bytearray()

    def feed(self, batch: bytes) -> None:
        self._body += batch
        if len(self._body) > _MAX_URL_ENCODED:
            raise InvalidUpload(f"A {URL_ENCODED} body has at most {_MAX_URL_ENCODED} bytes; use {MULTIPART}.")

    def finish(self) -> None:
        # Latin-1 there and back again: the bytes as they came, their UTF-8 to be looked at with the field's name known.
        body = self._body.decode("latin-1")
        try:
            pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=_MAX_PAIRS, encoding="latin-1")
        except ValueError as error:
            raise InvalidUpload(f"The body is not valid {URL_ENCODED}: {error}.") from error
        for name, value in pairs:
            if self._fields.begin(name):
                self._fields.add_text(name, value.encode("latin-1"))


class _Nothing:
    """No content type: no body either."""

    def feed(self, batch: bytes) -> None:
        if batch:
            raise InvalidUpload(f"The body has no Content-Type; send {MULTIPART}.")

    def finish(self) -> None:
        """An empty form."""


def filename_of(segment: MultipartSegment) -> str | None:
    """The name of a file; None where the part is text.

    RFC 7578 forbids `filename*=UTF-8''...`; older libraries send it all the same for names that are not ASCII.
    """
    if segment.filename is not None:
        return str(segment.filename)
    found = _EXTENDED_NAME.search(segment.header("Content-Disposition", ""))
    if not found:
        return None
    try:
        return unquote(found["name"], encoding=found["charset"] or "utf-8", errors="replace")
    except LookupError:
        raise InvalidUpload(f"The charset {found['charset']!r} of a file's name is not known; use UTF-8.") from None


def reader_of(content_type: str) -> Callable[[Fields], Reader]:
    """What reads a body of this content type.

    Raises:
        InvalidUpload: it is not a form, or it lacks its boundary.
    """
    kind, options = parse_options_header(content_type)
    if kind == MULTIPART:
        boundary = options.get("boundary", "")
        if not boundary:
            raise InvalidUpload(
                f"The Content-Type {MULTIPART} lacks its boundary; let your HTTP library set the header."
            )
        return lambda fields: _Multipart(fields, boundary)
    if kind == URL_ENCODED:
        return _UrlEncoded
    if not kind:
        return lambda _: _Nothing()
    raise InvalidUpload(f"The body is {kind}; send {MULTIPART}, or {URL_ENCODED} where there are no files.")
