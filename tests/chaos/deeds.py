"""Deeds: what clients do to jobs that were taken: cancel, remove, run again, fetch the archive; each insists."""

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

from tests.chaos.asker import Asker
from tests.chaos.told import Again, Archives, Cancel, Deletion

_PAUSE = 0.1
_LONGER = 0.5
_ASKERS = 4


class Deeds:
    """Any number of threads may do them.

    Args:
        asker: asks.
        share: where archives are looked for.
        over: set when nobody waits any more.

    Attributes:
        cancels: what cancels were answered.
        deletions: what removals were answered.
        agains: what retries by hand were answered.
        archives: what askers got.
    """

    def __init__(self, asker: Asker, share: Path, over: threading.Event) -> None:
        self.cancels: list[Cancel] = []
        self.deletions: list[Deletion] = []
        self.agains: list[Again] = []
        self.archives: list[Archives] = []
        self._asker = asker
        self._share = share
        self._over = over

    def cancel(self, job_id: str) -> None:
        """Once."""
        asked = time.time()
        api = self._asker.any_api()
        answer = self._asker.ask("POST", f"/jobs/{job_id}/cancel", api=api)
        status = answer.json()["status"] if answer is not None and answer.is_success else None
        code = 0 if answer is None else answer.status_code
        self.cancels.append(Cancel(job_id, asked, time.time(), code, status, api.name))

    def delete(self, job_id: str) -> None:
        """Until it is answered, and the job is gone."""
        asked, code = time.time(), 0
        while code not in (HTTPStatus.NO_CONTENT, HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND):
            code = self._code("DELETE", f"/jobs/{job_id}")
            if self._over.wait(_PAUSE):
                break
        gone = None
        while gone is None and not self._over.is_set():
            if self.look(job_id) == HTTPStatus.NOT_FOUND:
                gone = time.monotonic()
            else:
                self._over.wait(_LONGER)
        self.deletions.append(Deletion(job_id, asked, code, gone))

    def look(self, job_id: str) -> int:
        """What is answered of a job: the status; 0 for none."""
        return self._code("GET", f"/jobs/{job_id}")

    def run_again(self, job_id: str) -> None:
        """Until it is answered. Each question is noted: one without an answer may have been heard."""
        code = 0
        while not code or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            code = self._code("POST", f"/jobs/{job_id}/retry")
            self.agains.append(Again(job_id, code))
            if self._over.wait(_PAUSE):
                return

    def archive(self, job_id: str) -> None:
        """Fetched by some at once."""
        with ThreadPoolExecutor(_ASKERS) as askers:
            got = [body for body in askers.map(self._fetch, [job_id] * _ASKERS) if body is not None]
        folder = self._share / job_id / "archives"
        files = tuple(sorted(path.name for path in folder.iterdir())) if folder.exists() else ()
        digests = frozenset(hashlib.sha256(body).hexdigest() for body in got)
        self.archives.append(Archives(job_id, digests, len(got), files))

    def _fetch(self, job_id: str) -> bytes | None:
        """The archive, asked for until it is there; None where the run is over first."""
        while not self._over.is_set():
            answer = self._asker.ask("GET", f"/jobs/{job_id}/outputs/archive")
            if answer is not None and answer.is_success:
                return answer.content
            self._over.wait(_LONGER)
        return None

    def _code(self, method: str, path: str) -> int:
        answer = self._asker.ask(method, path)
        return 0 if answer is None else answer.status_code
