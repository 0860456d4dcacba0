"""A scheduler's HTTP interface without a scheduler: real HTTP, the shapes of COMPATIBILITY section 1, jobs by script.

A job walks its plan one state a look (each GET of its status or details), never by time, so that a test is the
same on a slow machine.
"""

import hashlib
import json
import re
import threading
import uuid as uuids
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

KEY = "the right key"
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ENDED = {"SUCCESS", "FAILURE", "REVOKED", "REJECTED", "UNKNOWN"}
PHRASES = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 409: "Conflict", 425: "Too Early"}
PROCESSES = ("convert_file", "generate_metadata", "generate_thumbnails", "sleep")


def state(status, progress=None, *, step=None, done=(), **fields):
    """One state of a plan: `done` are steps that ended, `step` is the one that runs."""
    steps = [{"duration": 0.1, "info": info} for info in done] + ([{"duration": -1, "info": step}] if step else [])
    return {"status": status, "progress": progress, "steps": steps, **fields}


PLAN = (
    state("PENDING"),
    state("RUNNING", 0, step="Importing"),
    state("RUNNING", 50, done=["Importing"], step="Exporting"),
    state("SUCCESS", 100, done=["Importing", "Exporting"], result={"output": "result.glb"}),
)


@dataclass
class FakeJob:
    uuid: str
    name: str | None
    plan: tuple
    outputs: dict
    form: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    looks: int = 0
    archive_asked: int = 0
    looked: threading.Condition = field(default_factory=threading.Condition)

    def now(self):
        return self.plan[min(self.looks, len(self.plan) - 1)]

    def look(self):
        with self.looked:
            now = self.now()
            self.looks += 1
            self.looked.notify_all()
        return now

    def state_body(self, now):
        error = now.get("error")
        line = error.strip().splitlines()[-1] if error else None
        return {
            "uuid": self.uuid,
            "name": self.name,
            "status": now["status"],
            "progress": now["progress"],
            "error": line,
            "process": self.form.get("process") or "custom",
        }

    def details_body(self, now):
        ended = now["status"] in ENDED
        times = {
            "request": "2026-01-01T10:00:00.100000",
            "started": None if now["status"] in {"PENDING", "SENT"} else "2026-01-01T10:00:00.200000+00:00",
            "stopped": "2026-01-01T10:00:01.300000+00:00" if ended else None,
        }
        more = {
            "error": now.get("error"),
            "reason": now.get("reason"),
            "time_info": times,
            "steps": now["steps"],
            "retry": now.get("retry", 0),
        }
        # A field from a server that is newer than the client.
        return (
            self.state_body(now)
            | more
            | {"result": now.get("result"), "mood": "fine", "waiting_for": now.get("waiting_for")}
            | {"attempts": now.get("attempts", []), "parent": now.get("parent"), "children": now.get("children", [])}
        )


class FakeScheduler(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.jobs: dict[str, FakeJob] = {}
        self.plan = PLAN
        self.plans: dict[str | None, tuple] = {}
        """For jobs of these names."""
        self.outputs = {"result.glb": b"glTF" + bytes(100_000)}
        self.logs = {1: b"one\n"}
        self.graph = {"root": "", "nodes": [], "edges": []}
        self.archive = b"PK\x03\x04 a zip"
        self.etag = lambda body: f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        """How a file's ETag is made; None: files have none, and are sent whole."""
        self.archive_early = 2
        """How often the archive is not ready once the job has ended."""
        self.events = 0
        """How many events a stream tells before it ends; 0: none is offered."""
        self.page = 1000
        """The most jobs that one listing tells."""
        self.faults: list = []
        """(path pattern, fault): the next request that matches meets the fault, once. A fault is an HTTP status,
        "drop" (the connection breaks), "done, then drop" (of a POST), "cut" (the body ends early) or bytes (a 200 that
        says so)."""
        self.requests: list = []
        self.keys: dict[str, FakeJob] = {}
        """By the Idempotency-Key that they were sent with."""

    def job(self, plan=None, name=None):
        """A job that is there already."""
        return self._add(FakeJob(str(uuids.uuid4()), name, plan or self.plan, self.outputs))

    def submitted(self):
        return list(self.jobs.values())[-1]

    def _add(self, job):
        self.jobs[job.uuid] = job
        return job

    def fault_for(self, path):
        for index, (pattern, fault) in enumerate(self.faults):
            if re.search(pattern, path):
                del self.faults[index]
                return fault
        return None

    def handle_error(self, request, client_address):
        """A client that went away is no news."""


@contextmanager
def fake_scheduler() -> Iterator[FakeScheduler]:
    with FakeScheduler() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Refusal(Exception):
    def __init__(self, code, details):
        self.code = code
        self.details = details


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body go in two writes: the second would wait 40 ms for an ACK
    server: FakeScheduler

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer(
            {
                r"/": self._welcome,
                r"/processes": lambda: self._json({"processes": list(PROCESSES)}),
                r"/processes/([^/]+)": self._doc,
                r"/jobs": self._listing,
                r"/jobs/([^/]+)": lambda uuid: self._json(self._job(uuid).state_body(self._job(uuid).look())),
                r"/jobs/([^/]+)/details": lambda uuid: self._json(self._job(uuid).details_body(self._job(uuid).look())),
                r"/jobs/([^/]+)/outputs": lambda uuid: self._json({"outputs": list(self._job(uuid).outputs)}),
                r"/jobs/([^/]+)/outputs/archive": self._archive,
                r"/jobs/([^/]+)/outputs/(.+)": self._output,
                r"/jobs/([^/]+)/events": self._events,
                r"/jobs/([^/]+)/logs": self._logs,
                r"/jobs/([^/]+)/graph": self._graph,
            }
        )

    def do_POST(self):
        self._answer(
            {r"/jobs": self._submit, r"/jobs/([^/]+)/cancel": self._cancel, r"/jobs/([^/]+)/retry": self._retry}
        )

    def do_DELETE(self):
        self._answer({r"/jobs/([^/]+)": self._delete})

    def _answer(self, routes):
        body = (
            self.rfile.read(int(self.headers.get("content-length") or 0)) if "content-length" in self.headers else b""
        )
        if self.headers.get("transfer-encoding") == "chunked":
            body = self._chunks()
        self.body = body
        path = urlsplit(self.path).path
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        self.fault = self.server.fault_for(path)
        if self.fault == "drop":
            self.close_connection = True
            return
        if isinstance(self.fault, bytes):
            self._send(200, self.fault, "text/html")
            return
        if isinstance(self.fault, int):
            self._refuse(_Refusal(self.fault, "The store does not answer."))
            return
        try:
            self._route(routes, path)
        except _Refusal as refusal:
            self._refuse(refusal)

    def _route(self, routes, path):
        for pattern, handler in routes.items():
            found = re.fullmatch(pattern, path)
            if found is None:
                continue
            if path != "/" and self.headers.get("x-api-key") != KEY:
                raise _Refusal(401, "The API key is missing or wrong.")
            handler(*(unquote(part) for part in found.groups()))
            return
        raise _Refusal(404, "No such path.")

    def _job(self, uuid):
        if not UUID.fullmatch(uuid):
            raise _Refusal(400, f"{uuid} is not a uuid.")
        if uuid not in self.server.jobs:
            raise _Refusal(404, f"No job has the id {uuid}.")
        return self.server.jobs[uuid]

    def _welcome(self):
        self._send(200, b"Welcome to Pixyz Scheduler 3.2.1 !", "text/plain")

    def _doc(self, name):
        if name not in PROCESSES:
            raise _Refusal(400, f"No process is named {name}.")
        self._json({"doc": f"Process '{name}' documentation:\n\nDoes what its name says."})

    def _listing(self):
        query = {key: values[-1] for key, values in parse_qs(urlsplit(self.path).query).items()}
        rows = [job.state_body(job.now()) for job in reversed(self.server.jobs.values())]
        rows = [row for row in rows if query.get("status") in {None, row["status"]}]
        start = int(query.get("cursor", 0))
        end = start + min(int(query.get("limit", 100)), self.server.page)
        self._json({"jobs": rows[start:end], "cursor": str(end) if end < len(rows) else None})

    def _submit(self):
        form, files = self._form()
        key = self.headers.get("idempotency-key")
        if key in self.server.keys:
            self._json(self.server.keys[key].state_body(state("SENT")))
            return
        process = form.get("process", "custom")
        if process == "custom" and "script" not in files:
            raise _Refusal(400, "The process 'custom' needs a script.")
        if process not in {"custom", *PROCESSES}:
            raise _Refusal(400, f"No process is named {process}.")
        if b"def main" not in files.get("script", ("", b"def main"))[1]:
            raise _Refusal(400, "The script has no function main.")
        plan = self.server.plans.get(form.get("name"), self.server.plan)
        job = FakeJob(str(uuids.uuid4()), form.get("name"), plan, self.server.outputs, form, files)
        self.server._add(job)
        if key:
            self.server.keys[key] = job
        if self.fault == "done, then drop":
            self.close_connection = True
            return
        self._json(job.state_body(state("SENT")))

    def _form(self):
        kind = self.headers.get("content-type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            return {key: values[-1] for key, values in parse_qs(self.body.decode()).items()}, {}
        message = BytesParser(policy=HTTP).parsebytes(f"content-type: {kind}\r\n\r\n".encode() + self.body)
        form, files = {}, {}
        for part in message.iter_parts():
            key = part.get_param("name", header="content-disposition")
            if part.get_filename():
                files[key] = (part.get_filename(), part.get_payload(decode=True))
            else:
                form[key] = part.get_payload(decode=True).decode()
        return form, files

    def _cancel(self, uuid):
        job = self._job(uuid)
        if job.now()["status"] in ENDED:
            raise _Refusal(409, f"Job {uuid} has ended already: {job.now()['status']}.")
        before = job.now()
        job.plan, job.looks = (state("REVOKED"),), 0
        self._json(job.state_body(before if before["status"] == "RUNNING" else job.now()))

    def _retry(self, uuid):
        job = self._job(uuid)
        if job.now()["status"] not in ENDED:
            raise _Refusal(409, f"Job {uuid} has not ended yet: {job.now()['status']}.")
        job.plan, job.looks = (state("PENDING"),), 0
        self._json(job.state_body(job.now()))

    def _delete(self, uuid):
        job = self._job(uuid)
        if job.now()["status"] == "RUNNING":
            self._send(202, json.dumps(job.state_body(job.now())).encode(), "application/json")
            return
        del self.server.jobs[uuid]
        self._send(204, b"", "text/plain")

    def _archive(self, uuid):
        job = self._job(uuid)
        if job.look()["status"] not in ENDED:
            raise _Refusal(425, "The job still runs.")
        job.archive_asked += 1
        if job.archive_asked <= self.server.archive_early:
            raise _Refusal(425, "The archive is being built.")
        self._file(self.server.archive, "application/octet-stream")

    def _output(self, uuid, path):
        job = self._job(uuid)
        if path not in job.outputs:
            raise _Refusal(404, f"Job {uuid} has no output {path}.")
        self._file(job.outputs[path], "model/gltf-binary")

    def _file(self, body, kind):
        tag = self.server.etag and self.server.etag(body)
        headers = {"etag": tag} if tag else {}
        first = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        if first is None or tag is None or self.headers.get("if-range") != tag:
            self._send(200, body, kind, headers)
        elif int(first[1]) >= len(body):
            self._send(416, b"", kind, headers | {"content-range": f"bytes */{len(body)}"})
        else:
            place = {"content-range": f"bytes {first[1]}-{len(body) - 1}/{len(body)}"}
            self._send(206, body[int(first[1]) :], kind, headers | place)

    def _logs(self, uuid):
        """What stands in `logs` by attempt; with `follow` the stream ends as that of an attempt that has ended does."""
        self._job(uuid)
        query = {key: values[-1] for key, values in parse_qs(urlsplit(self.path).query).items()}
        attempt = int(query.get("attempt", max(self.server.logs)))
        if attempt not in self.server.logs:
            raise _Refusal(404, f"Job {uuid} has no attempt {attempt}.")
        body = self.server.logs[attempt][int(query.get("offset", 0)) :]
        self._send(200, body, "text/plain; charset=utf-8", {"x-log-attempt": str(attempt)})

    def _graph(self, uuid):
        self._job(uuid)
        form = parse_qs(urlsplit(self.path).query).get("format", ["json"])[0]
        if form == "json":
            self._json(self.server.graph)
        else:
            self._send(200, f"a graph as {form}\n".encode(), "text/plain")

    def _events(self, uuid):
        job = self._job(uuid)
        if not self.server.events:
            raise _Refusal(404, "No such path.")
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(b"retry: 2000\n\n: ping\n\n")
        self.close_connection = True
        seen = job.looks
        for number in range(self.server.events):
            with job.looked:
                # A job changes when it is looked at: each look rings for the next.
                if not job.looked.wait_for(lambda seen=seen: job.looks > seen, timeout=30):
                    return
                seen = job.looks
            self.wfile.write(f"id: {number}\nevent: job\ndata: {json.dumps(job.state_body(job.now()))}\n\n".encode())
            self.wfile.flush()
            if seen >= len(job.plan):
                return

    def _chunks(self):
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _refuse(self, refusal):
        detail = {"code": refusal.code, "message": PHRASES.get(refusal.code, "Error"), "details": refusal.details}
        headers = {"www-authenticate": "x-api-key"} if refusal.code == 401 else {}
        self._send(refusal.code, json.dumps({"detail": detail}).encode(), "application/json", headers)

    def _json(self, value):
        self._send(200, json.dumps(value).encode(), "application/json")

    def _send(self, code, body, kind, headers=None):
        self.send_response(code)
        for key, value in {"content-type": kind, "content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.fault == "cut":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(body)
