"""What can go wrong between this client and a scheduler; all of it a SchedulerError.

SchedulerError
|-- BadInput, NotFound, AccessDenied, ...  the server's own refusals (pixyz_scheduler.errors)
|   `-- BadAddress        a URL that names no HTTP server
|-- Unavailable
|   `-- Unreachable       nothing answers there
|       `-- Broken        it was asked, and the connection broke: it may have been done
|-- UnexpectedAnswer      something answers, but not as a scheduler does
|-- TransferFailed        a file could not be fetched, or not be kept here
|-- JobFailed             the job ended, and not well
`-- StillWorking          the wait is over, the job is not
"""

from pixyz_scheduler.errors import BadInput, SchedulerError, Unavailable


class BadAddress(BadInput):
    """A URL that names no HTTP server."""


class Unreachable(Unavailable):
    """Nothing answers at the URL; the text says what to do."""


class Broken(Unreachable):
    """The connection broke before there was an answer: what was asked may have been done, or may not."""


class UnexpectedAnswer(SchedulerError):
    """Something answers, but not as a scheduler does."""


class TransferFailed(SchedulerError):
    """A file could not be fetched, or could not be kept on this machine."""


class JobFailed(SchedulerError):
    """The job has ended, and not well."""

    def __init__(self, job_id: str, status: str, error: str | None, *, reason: str | None = None) -> None:
        what = (error or "").rstrip()
        if reason and reason not in what:
            what = f"{what}\n{reason}".lstrip()
        super().__init__(f"Job {job_id} ended as {status}" + (f": {what}" if what else "."))
        self.job_id = job_id
        self.status = status
        self.error = error
        self.reason = reason


class StillWorking(SchedulerError):
    """The time given to a wait is over and the job has not ended; `status` says where it stands."""

    def __init__(self, job_id: str, status: str, seconds: float) -> None:
        super().__init__(f"Job {job_id} is still {status} after {seconds:g} s. It goes on; only the waiting has ended.")
        self.job_id = job_id
        self.status = status
