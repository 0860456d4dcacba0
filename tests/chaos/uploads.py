"""SlowUpload: a client that streams a job's body slowly, so that its API can be killed at any moment of it."""

import http.client
import json
import threading
import time
from urllib.parse import urlsplit

from tests.chaos.beacons import SCRIPT
from tests.chaos.farm import KEY
from tests.chaos.load import Load
from tests.chaos.plans import Plan
from tests.chaos.told import Accepted

SIZE = 1_300_000
"""Bytes of the input: more than the API gathers before it opens a folder."""

_PARTS = 10
_BOUNDARY = "slowly"


class SlowUpload:
    """One POST, in a thread.

    Args:
        load: looks after the job, if it is accepted.
        url: of the API.
        seconds: that the body takes.
    """

    def __init__(self, load: Load, url: str, *, seconds: float) -> None:
        self._load = load
        self._address = urlsplit(url).netloc
        self._seconds = seconds
        self._thread = threading.Thread(target=self._run, name="upload", daemon=True)
        self._thread.start()

    @property
    def is_under_way(self) -> bool:
        """It has not ended."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def _run(self) -> None:
        plan = Plan(seconds=0.05, size=SIZE)
        connection = http.client.HTTPConnection(self._address, timeout=10)
        try:
            self._send(connection, _body(self._load.sender.params(plan)))
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            # It was killed, as planned: no answer, nothing accepted.
            return
        finally:
            connection.close()
        if answer.status == http.HTTPStatus.OK:
            self._load.take(Accepted(json.loads(text)["uuid"], plan, time.time()))

    def _send(self, connection: http.client.HTTPConnection, body: bytes) -> None:
        connection.putrequest("POST", "/jobs")
        connection.putheader("x-api-key", KEY)
        connection.putheader("content-type", f"multipart/form-data; boundary={_BOUNDARY}")
        connection.putheader("content-length", str(len(body)))
        connection.endheaders()
        step = len(body) // _PARTS + 1
        for start in range(0, len(body), step):
            connection.send(body[start : start + step])
            time.sleep(self._seconds / _PARTS)


def _body(params: str) -> bytes:
    head = "".join(
        _part(f'name="{name}"', text) for name, text in (("params", params), ("config", '{"queue": "cpu"}'))
    ) + _part('name="script"; filename="job.py"', SCRIPT)
    file = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="input.bin"\r\n\r\n'
    return head.encode() + file.encode() + b"x" * SIZE + f"\r\n--{_BOUNDARY}--\r\n".encode()


def _part(disposition: str, text: str) -> str:
    return f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{text}\r\n"
