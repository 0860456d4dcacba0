"""The errors that users' scripts raise and catch, under the names they know.

PixyzException
|-- PixyzTimeout (TimeoutError)              the time limit has passed
|-- PixyzExecutionFault                      the process that ran the script ended badly
|   |-- PixyzSignalFault                     by a signal
|   `-- PixyzExitFault                       by an exit status
|-- PixyzFileNotFound (FileNotFoundError)
|   `-- PixyzSharedDirectoryNotFound
|-- PixyzSecurityViolation                   a path that leaves its folder
|-- PixyzWebError                            an answer over HTTP that is an error
|-- InternalError
|-- InvalidFile                              an input that cannot be used
|   `-- InvalidYamlFile
|       `-- InvalidConfigurationFile
|-- InvalidBackendParameter
|-- DiskStateAlreadyExists
|-- SharePathNotFoundError (ValueError)
|-- SharePathInvalidError (ValueError)
|-- TaskNotCompletedError
|-- TaskProcessingStarted
`-- PixyzExceptionUnpickleableExceptionWrapper

Those of the second half are never raised by the scheduler: scripts that raise or catch them keep working.
"""

from pixyz_scheduler.errors import SchedulerError


class PixyzException(SchedulerError):
    """Base of the family; its text is `message`."""

    @property
    def message(self) -> str:
        """The text."""
        return str(self)

    def dict(self) -> "dict[str, str]":
        """As JSON: `{"message": text}`."""
        return {"message": self.message}


class PixyzTimeout(PixyzException, TimeoutError):
    """The time limit has passed."""


class PixyzExecutionFault(PixyzException):
    """The process that ran the script ended badly."""


class PixyzSignalFault(PixyzExecutionFault):
    """The process that ran the script was ended by a signal."""


class PixyzExitFault(PixyzExecutionFault):
    """The process that ran the script ended with an exit status other than 0."""


class PixyzFileNotFound(PixyzException, FileNotFoundError):
    """A file that the job needs is not there."""


class PixyzSharedDirectoryNotFound(PixyzFileNotFound):
    """A folder of the job is not there, or no longer."""


class PixyzSecurityViolation(PixyzException):
    """A path that leaves the folder it belongs to."""


class InternalError(PixyzException):
    """A fault of the scheduler's own."""


class InvalidFile(PixyzException):
    """An input file that cannot be used."""


class PixyzWebError(PixyzException):
    """An answer over HTTP that is an error."""

    def __init__(self, status_code: int | str, url: str = "", message: str = "") -> None:
        super().__init__(status_code, url, message)
        self.status_code = status_code
        self.url = url

    def __str__(self) -> str:
        """Code, address and text; the text alone where there is no more."""
        code, url, message = self.args
        return f"HTTP {code} from {url}: {message}" if url else str(code)


class InvalidYamlFile(InvalidFile):
    """A YAML file that cannot be read."""


class InvalidConfigurationFile(InvalidYamlFile):
    """A configuration file with what is not allowed."""


class InvalidBackendParameter(PixyzException):
    """A parameter that is not allowed."""


class DiskStateAlreadyExists(PixyzException):
    """A state that was written before."""


class SharePathNotFoundError(PixyzException, ValueError):
    """The shared folder is not there."""


class SharePathInvalidError(PixyzException, ValueError):
    """The shared folder is none."""


class TaskNotCompletedError(PixyzException):
    """A task that has not ended yet."""


class TaskProcessingStarted(PixyzException):
    """A task that has just begun; a signal rather than an error."""


class PixyzExceptionUnpickleableExceptionWrapper(PixyzException):
    """Stands for an exception that cannot be sent to another process: `package.module.Name: text`."""

    def __init__(self, error: BaseException | str) -> None:
        kind = type(error)
        super().__init__(error if isinstance(error, str) else f"{kind.__module__}.{kind.__qualname__}: {error}")
