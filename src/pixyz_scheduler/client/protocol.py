"""Every request of the HTTP interface as a value: what to send, and how to read the answer. No I/O.

A `Call` is all that a transport needs, sync or async: send it, hand the answer to `read()`.
"""

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import quote, urlsplit

from pixyz_scheduler.client import parsing
from pixyz_scheduler.client.errors import BadAddress
from pixyz_scheduler.client.graph import Graph
from pixyz_scheduler.client.models import JobDetails, JobPage, JobRef, JobState
from pixyz_scheduler.client.parsing import Answer
from pixyz_scheduler.errors import AccessDenied, BadInput, InvalidJobId, InvalidParams

T = TypeVar("T")
Files = str | Path | Sequence[str | Path]
"""A file, or several."""
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and how to read its answer."""

    method: str
    path: str
    parse: Callable[[Answer], T]
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[tuple[str, Path]] = ()
    """The name of a field and the file that it holds."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def read(self, answer: Answer, url: str) -> T:
        """The value that the answer holds, or the error that it is."""
        if not answer.ok:
            raise parsing.refusal(answer, url)
        return self.parse(answer)


def address(url: str) -> str:
    """The URL as requests are built on it; `localhost:8001` is taken as http."""
    text = url.strip()
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        # As the resolver will encode it: what it cannot take fails deep inside otherwise, as a UnicodeError.
        host = (parts.hostname or "").encode("idna")
        usable = parts.scheme in {"http", "https"} and bool(host) and b" " not in host and parts.port != 0
    except ValueError:  # a UnicodeError is one
        usable = False
    if not usable:
        raise BadAddress(f"{url!r} is not the URL of a scheduler: write it as http://host:8001.")
    return text.rstrip("/")


def headers(token: str | None) -> dict[bytes, bytes]:
    """The headers of every request."""
    if token is None or not token.strip():
        return {}
    if not token.strip().isprintable():
        raise AccessDenied("The key holds characters that no key has (a line break?). Copy it again.")
    return {b"x-api-key": token.strip().encode()}


def job_id(job: JobRef) -> str:
    """The job's uuid, checked: a wrong one must never become another path."""
    text = (job.uuid if isinstance(job, JobState) else job).strip()
    if not UUID.fullmatch(text):
        raise InvalidJobId(f"{text!r} is not a job's id: it looks like 123e4567-e89b-12d3-a456-426614174000.")
    return text


def version() -> Call[str]:
    """`GET /`, which asks for no key."""
    return Call("GET", "/", parsing.version)


def processes() -> Call[tuple[str, ...]]:
    """The names of the processes."""
    return Call("GET", "/processes", parsing.names("processes"))


def process_doc(name: str) -> Call[str]:
    """What a process says of itself."""
    if not name.strip() or name in {".", ".."}:
        raise BadInput("Give the name of a process.")
    return Call("GET", f"/processes/{quote(name, safe='')}", parsing.doc)


def jobs(**filters: str | int | None) -> Call[JobPage]:
    """A page of the jobs, newest first."""
    query = {key: str(value) for key, value in filters.items() if value is not None}
    return Call("GET", "/jobs", parsing.job_page, query=query)


def status(job: JobRef) -> Call[JobState]:
    """Where a job stands."""
    return Call("GET", f"/jobs/{job_id(job)}", parsing.job_state)


def details(job: JobRef) -> Call[JobDetails]:
    """All of a job."""
    return Call("GET", f"/jobs/{job_id(job)}/details", parsing.job_details)


def outputs(job: JobRef) -> Call[tuple[str, ...]]:
    """The paths of a job's files."""
    return Call("GET", f"/jobs/{job_id(job)}/outputs", parsing.names("outputs"))


def cancel(job: JobRef) -> Call[JobState]:
    """Ask for a job's end."""
    return Call("POST", f"/jobs/{job_id(job)}/cancel", parsing.job_state)


def retry(job: JobRef) -> Call[JobState]:
    """Have a job that has ended run again."""
    return Call("POST", f"/jobs/{job_id(job)}/retry", parsing.job_state)


def delete(job: JobRef) -> Call[bool]:
    """Have a job ended and removed."""
    return Call("DELETE", f"/jobs/{job_id(job)}", parsing.is_gone)


def output_parts(path: str) -> tuple[str, ...]:
    """The names that the path of an output is made of: none of them leads out of a folder."""
    parts = path.replace("\\", "/").split("/")
    if not path or any(part in {"", ".", ".."} for part in parts):
        raise BadInput(f"{path!r} is not the path of an output: it is relative, like parts/wheel.glb.")
    return tuple(parts)


def output_path(job: JobRef, path: str) -> str:
    """Where one file of a job is served."""
    return f"/jobs/{job_id(job)}/outputs/{quote('/'.join(output_parts(path)))}"


def archive_path(job: JobRef) -> str:
    """Where all files of a job are served, as one zip."""
    return f"/jobs/{job_id(job)}/outputs/archive"


def events_path(job: JobRef) -> str:
    """Where a job's changes are told as they happen."""
    return f"/jobs/{job_id(job)}/events"


def logs_path(job: JobRef) -> str:
    """Where it is read what a job prints."""
    return f"/jobs/{job_id(job)}/logs"


def graph(job: JobRef) -> Call[Graph]:
    """The jobs that a job has started, and theirs."""
    return Call("GET", f"/jobs/{job_id(job)}/graph", parsing.graph, query={"format": "json"})


def drawn_graph(job: JobRef, form: str) -> Call[str]:
    """The same, drawn: `mermaid` or `svg`."""
    return Call("GET", f"/jobs/{job_id(job)}/graph", parsing.text, query={"format": form})


def submit(
    *,
    script: str | Path | None,
    process: str | None,
    file: Files | None,
    params: object,
    name: str | None,
    config: Mapping[str, object],
    key: str | None = None,
) -> Call[JobState]:
    """Create a job. `params` is any JSON object; None means none. Sent again with its `key`, it makes no second one."""
    if (script is None) == (process is None):
        raise BadInput("A job is a script or a process: give one of the two.")
    form = {"process": process if process is not None else "custom"}
    if params is not None:
        form["params"] = _json(params, "params")
    if name:
        form["name"] = name
    wanted = {key: value for key, value in config.items() if value is not None}
    if wanted:
        form["config"] = _json(wanted, "config")
    files = [] if script is None else [("script", _file(script))]
    files += [("file", _file(path)) for path in _several(file)]
    return Call("POST", "/jobs", parsing.job_state, form=form, files=files, headers=idempotency(key))


def new_key() -> str:
    """An Idempotency-Key that nobody has used."""
    return str(uuid.uuid4())


def idempotency(key: str | None) -> dict[str, str]:
    """The header for a key; none without one. Raises BadInput for what is no key."""
    if key is None:
        return {}
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise BadInput(f"{key[:300]!r} is no Idempotency-Key: 1 to 255 visible ASCII characters.")
    escaped = key.replace("\\", r"\\").replace('"', r"\"")
    return {"Idempotency-Key": f'"{escaped}"'}


def _several(file: Files | None) -> Sequence[str | Path]:
    if file is None:
        return ()
    return (file,) if isinstance(file, str | Path) else file


def _json(value: object, what: str) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidParams(f"`{what}` cannot be written as JSON: {error}.") from error


def _file(path: str | Path) -> Path:
    found = Path(path)
    if not found.is_file():
        raise BadInput(f"No file is at {found}.")
    return found
