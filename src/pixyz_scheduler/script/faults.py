"""The errors that users' scripts raise and catch, under the names they know.

PixyzException
|-- PixyzTimeout                   the time limit has passed
|-- PixyzExecutionFault            the process that ran the script ended badly
|   |-- PixyzSignalFault           by a signal
|   `-- PixyzExitFault             by an exit status
|-- PixyzFileNotFound
|   `-- PixyzSharedDirectoryNotFound
|-- PixyzSecurityViolation         a path that leaves its folder
|-- InternalError
`-- InvalidFile                    an input that cannot be used
"""

from pixyz_scheduler.errors import SchedulerError


class PixyzException(SchedulerError):
    """Base of the family."""


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
