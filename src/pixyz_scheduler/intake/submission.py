"""Submission: what a user sent, and the job that it asks for."""

import hashlib
import json
import time
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from pixyz_scheduler.catalog.inline_metadata import Needs
from pixyz_scheduler.catalog.known_outlines import outline_of
from pixyz_scheduler.catalog.outline import FunctionOutline
from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.errors import InvalidConfig, InvalidParams, InvalidUpload
from pixyz_scheduler.intake.admission import NOTHING_MORE, Admission
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions, merge_options
from pixyz_scheduler.jobs.trace import TraceContext
from pixyz_scheduler.storage.incoming import IncomingFile
from pixyz_scheduler.storage.unpack import is_archive, is_unread_archive

CUSTOM = "custom"
SEVERAL = 2
_LISTED = 20
_MAX_PARAMS = 8 << 20
_MAX_NAME = 200


@dataclass(frozen=True)
class Submission:
    """What a user sent, its files received already.

    Attributes:
        process: name of a process, or "custom".
        script: the user's Python file, closed; None without.
        file: the input, closed; None without.
        more_files: further inputs, closed.
        params: JSON text, or None.
        config: JSON text, or None.
        name: the user's name for the job.
        warnings: what was ignored of the form.
        trace: in which its request belongs.
    """

    process: str = CUSTOM
    script: IncomingFile | None = None
    file: IncomingFile | None = None
    more_files: tuple[IncomingFile, ...] = ()
    params: str | None = None
    config: str | None = None
    name: str | None = None
    warnings: tuple[str, ...] = ()
    trace: TraceContext | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same request, however its body was encoded: hexadecimal sha256."""
        texts = [self.process, self.params, self.config, self.name]
        files = [[file.name, file.sha256] if file else None for file in (self.script, self.file, *self.more_files)]
        return hashlib.sha256(json.dumps([*texts, *files]).encode()).hexdigest()

    @property
    def inputs(self) -> tuple[IncomingFile, ...]:
        """All inputs, in the order in which they came."""
        return tuple(file for file in (self.file, *self.more_files) if file is not None)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Of all inputs, as they lie among the job's."""
        return tuple(file.name for file in self.inputs)

    @property
    def input_hashes(self) -> dict[str, str]:
        """The sha256 of each file that came, script and all, by its name; they were reckoned on the way."""
        return {file.name: file.sha256 for file in (self.script, self.file, *self.more_files) if file is not None}

    def to_job(
        self, catalog: ProcessCatalog, defaults: JobOptions, admission: Admission = NOTHING_MORE
    ) -> tuple[Job, tuple[str, ...]]:
        """The job that this asks for, with an id of its own; and what was ignored of it, in words.

        Raises:
            BadInput: naming what, where, and what is allowed.
        """
        params = _params(self.params)
        unread = self._unread()
        config = _config(self.config)
        entry, seen, needs = self._entry_point(catalog, config, defaults)
        options, ignored = merge_options(config, entry.schedule or {}, defaults)
        if options.input_url is not None:
            has_other = self.file is not None or bool(config.get("input_job"))
            admission.check_url(options.input_url, has_other=has_other)
        job = Job(
            id=JobId(str(uuid.uuid4())),
            process=self.process,
            options=options,
            submitted=time.time(),
            params=params,
            name=_name(self.name),
            script=self.script.name if self.script else None,
            input_hashes=self.input_hashes,
            trace=self.trace,
        )
        return job, (*self.warnings, *unread, *seen, *admission.warnings(needs), *ignored)

    def _unread(self) -> tuple[str, ...]:
        """A script may unpack such an archive itself; our processes do not."""
        unread = [name for name in self.input_names if is_unread_archive(name)]
        said = tuple(
            f"{name} is not unpacked: send .zip or .tar.gz to have it unpacked for the job." for name in unread
        )
        if unread and self.process != CUSTOM:
            raise InvalidUpload(said[0])
        return said

    def _entry_point(
        self, catalog: ProcessCatalog, config: Mapping[str, Any], defaults: JobOptions
    ) -> tuple[FunctionOutline, tuple[str, ...], Needs]:
        asked = config.get("entrypoint")
        name = asked if isinstance(asked, str) and asked else defaults.entrypoint
        if self.process != CUSTOM:
            if self.script is not None:
                raise InvalidUpload(f"Send either the process {self.process!r} or a script, not both.")
            return catalog.entrypoint(self.process, name), (), catalog.outline(self.process).needs
        if self.script is None:
            there = ", ".join(catalog.names()) or "none"
            raise InvalidUpload(f"A job needs a script, or the name of a process. Processes: {there}.")
        outline = outline_of(self.script.read(), filename=self.script.name)
        return outline.entrypoint(name), outline.warnings, outline.needs


def with_inputs(job: Job, names: Sequence[str]) -> Job:
    """The job with these files among its inputs; raises InvalidConfig where none of them is the one to open."""
    if len(names) < SEVERAL:
        return replace(job, input_file=names[0] if names else None)
    main, root_file = _main_of(names, job.options.root_file)
    return replace(job, input_file=main, input_files=tuple(names), options=replace(job.options, root_file=root_file))


def _main_of(names: Sequence[str], root_file: str | None) -> tuple[str, str | None]:
    """Which one to open, and what of `root_file` is to be looked for inside: it may name a file, or what is in one."""
    if not root_file:
        return names[0], None
    wanted = unicodedata.normalize("NFC", root_file)
    if wanted in names:
        return wanted, None
    if is_archive(names[0]):
        return names[0], root_file
    listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    raise InvalidConfig(f"config.root_file is {root_file!r}, which is none of the files that were sent: {listed}.")


def _params(text: str | None) -> str:
    if not text or not text.strip():
        return "{}"
    if len(text) > _MAX_PARAMS:
        raise InvalidParams(f"params has {len(text)} characters; at most {_MAX_PARAMS} are allowed.")
    value = _object("params", text, InvalidParams)
    try:
        # As the script gets it: JSON holds numbers (1e999) and half characters (\\ud800) that nothing else does.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as problem:
        raise InvalidParams(f"params holds what no script can be given: {problem}.") from None
    return json.dumps(value, separators=(",", ":"))


def _config(text: str | None) -> dict[str, Any]:
    return _object("config", text, InvalidConfig) if text and text.strip() else {}


def _object(field_name: str, text: str, error: type[InvalidParams | InvalidConfig]) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        raise error(f"{field_name} is not JSON: {problem}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise error(f"{field_name} must be a JSON object ({{...}}), not {type(value).__name__}.")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _name(name: str | None) -> str | None:
    text = (name or "").strip()
    if len(text) > _MAX_NAME:
        raise InvalidUpload(f"name has {len(text)} characters; at most {_MAX_NAME} are allowed.")
    return text or None
