"""Hold: one request's grip on its Idempotency-Key, and the job that a key has made.

Keys: `ps:idem:<sha256 of the key>`, see lua/prelude.lua. The key itself is neither stored nor logged.
"""

import logging
import secrets
import time
from dataclasses import dataclass

from typing_extensions import Self

from pixyz_scheduler.broker.records import NO_MESSAGE, Message, RecordStore
from pixyz_scheduler.errors import IdempotencyKeyReused, RequestInFlight, StoreUnavailable
from pixyz_scheduler.jobs.job import Job

_log = logging.getLogger(__name__)

KEPT = 24 * 3600.0
"""Seconds that a key and its answer are kept."""
# Who was killed in mid-upload blocks its key no longer than this.
_HELD_MS = 30_000
_REFRESH_EACH = 10.0


@dataclass(frozen=True)
class Earlier:
    """The job that a key has made before, as it was answered then."""

    fingerprint: str
    answer: str


class Hold:
    """A grip on a key while a request is at work; a context manager that frees a key which has made no job.

    The grip is a courtesy: it tells others to wait. That one key makes one job is decided by `submit` alone.

    Args:
        records: the store.
        digest: sha256 of the key.
    """

    def __init__(self, records: RecordStore, digest: str) -> None:
        self._records = records
        self._digest = digest
        self._nonce = secrets.token_hex(8)
        self._earlier: Earlier | None = None
        self._refreshed = 0.0

    def __enter__(self) -> Self:
        """Take the key; raises RequestInFlight where another request has it."""
        verdict, *earlier = self._take()
        if verdict == "busy":
            raise RequestInFlight("A request with this Idempotency-Key is at work and has not been answered yet.")
        if verdict == "done":
            self._earlier = Earlier(*earlier[1:])
        return self

    def __exit__(self, *_: object) -> None:
        if self._earlier is not None:
            return
        try:
            self._records.run("release", self._digest, self._nonce)
        except StoreUnavailable as error:
            _log.warning("an Idempotency-Key was not freed, it frees itself in %d s: %s", _HELD_MS // 1000, error)

    def refresh(self) -> None:
        """The request is still at work."""
        if self._earlier is None and time.monotonic() - self._refreshed > _REFRESH_EACH:
            self._take()

    def earlier(self, fingerprint: str) -> Earlier | None:
        """The job that the key had made when this request began; raises IdempotencyKeyReused."""
        return self._checked(fingerprint)

    def submit(self, job: Job, *, fingerprint: str, answer: str, bell: Message = NO_MESSAGE) -> Earlier | None:
        """Take the job, unless the key has made one meanwhile: that one.

        Raises:
            IdempotencyKeyReused: the key has made one for another request.
            StoreUnavailable: as of `RecordStore.submit`.
        """
        more = (self._digest, fingerprint, answer, round(KEPT * 1000))
        said = self._records.submit_by("submit_once", job, *more, bell=bell)
        if not isinstance(said, list):
            self._earlier = Earlier(fingerprint, answer)
            return None
        job_id, *before = said
        self._earlier = Earlier(*before)
        # The client library asks again where a connection breaks: then the job that was made before is this one.
        return None if job_id == job.id else self._checked(fingerprint)

    def _take(self) -> list[str]:
        self._refreshed = time.monotonic()
        answer: list[str] = self._records.run("hold", self._digest, self._nonce, _HELD_MS)
        return answer

    def _checked(self, fingerprint: str) -> Earlier | None:
        if self._earlier is not None and self._earlier.fingerprint != fingerprint:
            raise IdempotencyKeyReused(
                "This Idempotency-Key came before with another request; a new request needs a key of its own."
            )
        return self._earlier
