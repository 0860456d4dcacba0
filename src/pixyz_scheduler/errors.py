"""Every error that is raised on purpose.

SchedulerError
|-- BadInput                 what the user sent is wrong           400
|   |-- InvalidJobId
|   |-- InvalidParams        `params` is not the JSON it must be
|   |-- InvalidConfig        `config` is not what is allowed
|   |-- InvalidScript        syntax, encoding, entry point
|   |-- InvalidUpload        the request body itself
|   |-- UploadTooLarge       more than MAX_UPLOAD_SIZE              413
|   |-- InvalidIdempotencyKey
|   |-- IdempotencyKeyReused  for another request                    422
|   |-- InvalidWorkflow      sub-tasks that cannot be started
|   |-- InvalidArchive       an input archive that cannot be unpacked safely
|   |-- InputMissing         an input by URL that is not there, or not given out
|   |-- UnknownProcess
|   `-- UnsafePath           a path that leaves its folder
|-- NotFound                                                       404
|   |-- JobNotFound
|   |-- OutputNotFound
|   |-- LogNotFound          no such attempt, or a job that keeps no log
|   `-- ProcessUndocumented
|-- AccessDenied                                                   401
|-- Conflict                 the job's state does not allow it     409
|   `-- RequestInFlight      the same Idempotency-Key is at work
|-- NotReady                 ask again later                       425
|-- Unavailable              something we stand on is away         503
|   |-- StoreUnavailable
|   |   `-- StoreSilent      asked, and not answered: it may have been done
|   |-- WrongShare           the share is not the one that the store's jobs lie on
|   `-- StoreRefused         engine or version that we must not open
|-- StorageFull                                                    507
|-- SettingsError            the configuration; names file and line
|-- RecordError              a record that this version cannot read
|-- LeaseLost                another attempt holds the job now
|-- PackagesMissing          what a script says it needs, and is not here
|-- ExtraMissing             a part of this package that is not installed; says which
`-- EngineError              the 3D engine
    |-- UnsupportedFormat
    |-- CorruptFile
    |-- EmptyScene
    |-- EngineMissing        a library is not installed; says which
    `-- LicenceMissing
"""


class SchedulerError(Exception):
    """Base of every error raised on purpose. Its text is for the user."""


class BadInput(SchedulerError):
    """What the user sent is wrong; the text names what, where and what is allowed."""


class InvalidJobId(BadInput):
    """A job id that is not a uuid in its canonical form."""


class InvalidParams(BadInput):
    """`params` that is not a JSON object."""


class InvalidConfig(BadInput):
    """`config` with a value that is not allowed."""


class InvalidScript(BadInput):
    """A script that cannot be parsed, or lacks its entry point."""


class InvalidUpload(BadInput):
    """A request body that is not the form it says it is."""


class UploadTooLarge(BadInput):
    """A request body of more bytes than are allowed."""


class InvalidIdempotencyKey(BadInput):
    """An `Idempotency-Key` that is not 1 to 255 visible characters."""


class IdempotencyKeyReused(BadInput):
    """An `Idempotency-Key` that came before, with another request."""


class InvalidWorkflow(BadInput):
    """Sub-tasks that cannot be started as they are asked for."""


class InvalidArchive(BadInput):
    """An input archive that is damaged, too large once unpacked, or tries to leave its folder."""


class InputMissing(BadInput):
    """An input that is not where the job says that it is, or is not given out there."""


class UnknownProcess(BadInput):
    """No process of that name in the catalog."""


class UnsafePath(BadInput):
    """A path that leaves the folder it belongs to."""


class NotFound(SchedulerError):
    """What was asked for does not exist."""


class JobNotFound(NotFound):
    """No job of that id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"No job has the id {job_id}.")
        self.job_id = job_id


class OutputNotFound(NotFound):
    """The job has no such output."""


class LogNotFound(NotFound):
    """The job has no such attempt, or keeps no log."""


class ProcessUndocumented(NotFound):
    """The process has no docstring to show."""


class AccessDenied(SchedulerError):
    """No key, or a wrong one."""


class Conflict(SchedulerError):
    """The job's state does not allow what was asked."""


class RequestInFlight(Conflict):
    """A request with the same `Idempotency-Key` has not been answered yet: ask again."""


class NotReady(SchedulerError):
    """Not there yet: ask again."""


class Unavailable(SchedulerError):
    """Something that we stand on is away; nothing was done."""


class StoreUnavailable(Unavailable):
    """The store does not answer."""


class StoreSilent(StoreUnavailable):
    """The store was asked and did not answer: what was asked may have been done, or may not."""


class StoreRefused(Unavailable):
    """A store that must not be opened: other engine, or newer than ours."""


class WrongShare(Unavailable):
    """The share is not the one that the jobs of the store lie on: not mounted, or another one."""


class StorageFull(SchedulerError):
    """No room left on the share."""


class SettingsError(SchedulerError):
    """A setting that is wrong; names the setting, its source and what is allowed."""


class RecordError(SchedulerError):
    """A job record written by a version that this one cannot read."""


class LeaseLost(SchedulerError):
    """Another attempt holds the job now; nothing of this one counts."""


class PackagesMissing(SchedulerError):
    """Packages, or a Python, that a script says it needs and that are not to be had here; `said` is uv's own text."""

    def __init__(self, text: str, *, said: str = "") -> None:
        super().__init__(text)
        self.said = said


class ExtraMissing(SchedulerError, ImportError):
    """A part of this package that is not installed here; says what to install. `name` is a module it lacks."""

    def __init__(self, text: str, *, name: str | None = None) -> None:
        ImportError.__init__(self, text, name=name)


class EngineError(SchedulerError):
    """The 3D engine cannot do what was asked; names the file and the reason."""


class UnsupportedFormat(EngineError):
    """The engine does not read, or write, this format."""


class CorruptFile(EngineError):
    """The file is not what its format says."""


class EmptyScene(EngineError):
    """The file holds nothing that can be drawn."""


class EngineMissing(EngineError):
    """A library that this format needs is not installed; says which, and the command."""


class LicenceMissing(EngineError):
    """The engine has no licence."""
