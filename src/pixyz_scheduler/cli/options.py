"""The options that several commands share, each written once."""

import json
from pathlib import Path
from typing import Annotated

import typer

from pixyz_scheduler.errors import InvalidParams

_NO_CONFIG = frozenset({"process", "script", "file", "params", "name", "idempotency_key", "on_bytes"})
"""What is no part of a job's `config`, but stands beside it."""
DEFAULT_URL = "http://127.0.0.1:8001"

Url = Annotated[
    str | None,
    typer.Option("-u", "--url", metavar="URL", envvar="PIXYZ_URL", help=f"The scheduler. Default: {DEFAULT_URL}"),
]
GlobalToken = Annotated[
    str | None, typer.Option("-t", "--token", metavar="KEY", envvar="PIXYZ_TOKEN", help="Your API key.")
]
# Not from the environment: that would win over a key given before the command.
Token = Annotated[str | None, typer.Option("-t", "--token", metavar="KEY", help="Your API key. Default: PIXYZ_TOKEN")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Jobs = Annotated[list[str], typer.Option("-j", "--job", metavar="UUID", help="The job. Several: -j A -j B")]
Job = Annotated[str, typer.Option("-j", "--job", metavar="UUID", help="The job.")]
Input = Annotated[
    Path,
    typer.Option(
        "-i", "--input", metavar="FILE", exists=True, dir_okay=False, help="A 3D file, or an archive with one."
    ),
]
Inputs = Annotated[
    list[Path] | None,
    typer.Option(
        "-i",
        "--input",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="A 3D file, or an archive of files. Several: -i A -i B",
    ),
]
Config = Annotated[
    str | None,
    typer.Option("--config", metavar="JSON", help="More options of the job, such as priority: a JSON object, or @FILE"),
]
Params = Annotated[
    str | None, typer.Option("-p", "--params", metavar="JSON", help="Parameters: a JSON object, or @FILE holding one.")
]
Entrypoint = Annotated[
    str | None,
    typer.Option("-e", "--entrypoint", metavar="FUNCTION", help="Function of the script to call. Default: main"),
]
Queue = Annotated[
    str | None,
    typer.Option("-q", "--queue", metavar="QUEUE", help="Queue to run on. Default: the script's own, else cpu"),
]
TimeLimit = Annotated[
    float | None, typer.Option("-l", "--time-limit", metavar="SECONDS", help="Longest time to run. Default: 3600")
]
Cache = Annotated[
    bool | None,
    typer.Option(
        "--cache/--no-cache",
        show_default=False,
        help="The outputs of an earlier job that did the same work will do. Default: the script's own, else no",
    ),
]
Deduplicate = Annotated[
    bool, typer.Option("--deduplicate", help="Keep the input once on the share for all jobs that say so.")
]
Name = Annotated[str | None, typer.Option("-a", "--name", metavar="NAME", help="Your name for the job.")]
IdempotencyKey = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key",
        metavar="KEY",
        help="For scripts that retry: with the same KEY, the same job, for 24 hours.",
    ),
]
Wait = Annotated[
    bool, typer.Option("-w", "--wait", help="Wait for the end, show progress; the exit status tells how it ended.")
]
ShowResult = Annotated[bool, typer.Option("-r", "--result", help="Print the job's result as JSON; waits for it.")]
Batch = Annotated[bool, typer.Option("-b", "--batch", help="For scripts: print the bare uuid, show no progress.")]
Timeout = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", help="With -w: wait no longer than this.")
]
WaitTimeout = Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", help="Wait no longer than this.")]


def params(text: str | None) -> dict[str, object] | None:
    """The object that `-p` gives; a usage error that points at the place where it is wrong."""
    return _object(text, "-p", 'but params are an object, like {"extension": "glb"}')


def config(text: str | None) -> dict[str, object]:
    """The object that `--config` gives."""
    found = _object(text, "--config", 'but options are an object, like {"priority": 1}') or {}
    if misplaced := _NO_CONFIG & found.keys():
        raise _wrong(f"{', '.join(sorted(misplaced))} has an option of its own", "--config")
    return found


def _object(text: str | None, option: str, what: str) -> dict[str, object] | None:
    if text is None:
        return None
    source = "it"
    if text.startswith("@"):
        source = text[1:]
        text = _read(Path(source), option)
    if not text.strip():
        return None
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _wrong(f"{source} is not JSON: {_place(error)}", option) from error
    except (InvalidParams, RecursionError) as error:
        raise _wrong(f"{source} is not JSON: {error}", option) from error
    if not isinstance(value, dict):
        kind = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}.get(type(value), "a number")
        raise _wrong(f"{source} is {kind}, {what}", option)
    return value


def seconds(value: float | None, option: str) -> float | None:
    """A time in seconds that can pass; whole where it is whole."""
    if value is None:
        return None
    if not 0 < value < float("inf"):
        raise typer.BadParameter("a time is more than 0 seconds", param_hint=f"'{option}'")
    return int(value) if value.is_integer() else value


def patience(timeout: float | None, *, waits: bool) -> float | None:
    """How long to wait, if there is any waiting."""
    if timeout is not None and not waits:
        raise typer.BadParameter("it bounds the waiting: give -w too", param_hint="'--timeout'")
    return seconds(timeout, "--timeout")


def idempotency_key(text: str | None) -> str | None:
    """A key that may be sent, or a usage error."""
    from pixyz_scheduler.client import protocol  # lazy: httpx costs 130 ms that --help need not pay
    from pixyz_scheduler.errors import BadInput

    try:
        protocol.idempotency(text)
    except BadInput as error:
        raise typer.BadParameter(str(error), param_hint="'--idempotency-key'") from error
    return text


def job_id(text: str) -> str:
    """The job's id, or a usage error: a wrong one is seen before anything is sent."""
    from pixyz_scheduler.client import protocol  # lazy: httpx costs 130 ms that --help need not pay
    from pixyz_scheduler.errors import InvalidJobId

    try:
        return protocol.job_id(text)
    except InvalidJobId as error:
        raise typer.BadParameter(str(error), param_hint="'-j'") from error


def _read(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _wrong(f"cannot read {path}: {reason}", option) from error


def _place(error: json.JSONDecodeError) -> str:
    """The line that is wrong with a mark under the place."""
    line = error.doc.splitlines()[error.lineno - 1] if error.doc.splitlines()[error.lineno - 1 :] else ""
    start = max(0, error.colno - 40)
    shown = line[start : start + 72]
    mark = " " * (error.colno - 1 - start) + "^"
    return f"{error.msg} at line {error.lineno}, column {error.colno}\n  {shown}\n  {mark}"


def _refuse_constant(name: str) -> object:
    raise InvalidParams(f"{name} is no JSON number")


def _wrong(text: str, option: str) -> typer.BadParameter:
    return typer.BadParameter(text, param_hint=f"'{option}'")
