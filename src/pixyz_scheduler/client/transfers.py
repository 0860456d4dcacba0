"""Brings a job's files to this machine: whole, or not yet; what was interrupted goes on where it was."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from pixyz_scheduler.client import parsing, protocol
from pixyz_scheduler.client.models import JobRef
from pixyz_scheduler.client.pace import ARCHIVING, WATCHING
from pixyz_scheduler.client.part import Part
from pixyz_scheduler.client.wire import Body, OnBytes, Wire
from pixyz_scheduler.errors import NotReady, Unavailable

PATIENCE = 60.0
"""Seconds without a byte, once there was one, after which a server is away for good."""
_PARTIAL = 206
_NO_SUCH_RANGE = 416
_RANGE = re.compile(r"bytes (?:\*|(?P<first>\d+)-\d+)/(?P<whole>\d+)")


async def output(wire: Wire, job: JobRef, path: str, to: str | Path, *, on_bytes: OnBytes | None) -> Path:
    """Fetch one file of a job to `to`, or into it where it is a folder."""
    target = _target(to, PurePosixPath(path).name)
    return await _fetch(wire, protocol.output_path(job, path), target, on_bytes, was_there=False)


async def outputs(
    wire: Wire, job: JobRef, to: str | Path, *, on_file: Callable[[str], OnBytes | None] | None
) -> tuple[Path, ...]:
    """Fetch all files of a job into a folder, as they lie in its outputs."""
    found = []
    for path in await wire.send(protocol.outputs(job)):
        target = Path(to, *protocol.output_parts(path))
        on_bytes = on_file(path) if on_file is not None else None
        found.append(await _fetch(wire, protocol.output_path(job, path), target, on_bytes, was_there=True))
    return tuple(found)


async def archive(
    wire: Wire,
    job: JobRef,
    to: str | Path,
    *,
    on_bytes: OnBytes | None,
    on_wait: Callable[[str], None] | None,
    timeout: float | None,
) -> Path:
    """Fetch all files of a job as one zip, asking again while the server is not ready."""
    target = _target(to, f"{protocol.job_id(job)}.zip")
    deadline = None if timeout is None else wire.now() + timeout
    tries = 0
    while True:
        try:
            return await _fetch(wire, protocol.archive_path(job), target, on_bytes, was_there=tries > 0)
        except NotReady as reason:
            if deadline is not None and wire.now() >= deadline:
                raise
            if on_wait is not None and not tries:
                on_wait(str(reason))
        await wire.pause(ARCHIVING.after(tries))
        tries += 1


def _target(to: str | Path, name: str) -> Path:
    into = str(to).endswith(("/", "\\")) or Path(to).is_dir()
    return Path(to) / name if into else Path(to)


async def _fetch(wire: Wire, path: str, to: Path, on_bytes: OnBytes | None, *, was_there: bool) -> Path:
    """The file at its place. A server that `was_there` is waited for; one that never was is an error at once."""
    part = Part(to, f"{wire.url}{path}")
    await wire.aside(part.look)
    tries, since = 0, wire.now()
    try:
        while True:
            before = part.size
            try:
                if await _receive(wire, path, part, on_bytes):
                    return to
            except Unavailable:
                if part.size > before:
                    was_there, tries, since = True, 0, wire.now()
                if not was_there or wire.now() - since >= PATIENCE:
                    raise
            await wire.pause(WATCHING.after(tries))
            tries += 1
    finally:
        part.close()


async def _receive(wire: Wire, path: str, part: Part, on_bytes: OnBytes | None) -> bool:
    """All that there is of the file from where the part ends. Whether it fits: then it is at its place."""
    # Compressed on the way, a body's length would not be the file's.
    headers = {"accept-encoding": "identity"}
    if part.size and part.etag is not None:
        headers |= {"range": f"bytes={part.size}-", "if-range": part.etag}
    async with wire.stream(path, query=None, headers=headers, silence=None) as body:
        if body.status in {_PARTIAL, _NO_SUCH_RANGE}:
            if not _fits(part, body):
                await wire.aside(part.discard)
                return False
            await wire.aside(part.go_on)
        elif body.is_success:
            await wire.aside(partial(part.begin, body.headers.get("etag")))
        else:
            raise parsing.refusal(await body.whole(), wire.url)
        if body.is_success:
            total = _total(body.headers, part.size)
            async for chunk in body.chunks():
                await wire.aside(partial(part.write, chunk))
                if on_bytes is not None:
                    on_bytes(part.size, total)
    await wire.aside(part.finish)
    return True


def _fits(part: Part, body: Body) -> bool:
    """Whether what the server sends begins where the part ends; or nothing is missing."""
    found = _RANGE.fullmatch(body.headers.get("content-range", ""))
    if found is None or not part.size:
        return False
    begins = found["first"] if body.status == _PARTIAL else found["whole"]
    return begins is not None and int(begins) == part.size


def _total(headers: Mapping[str, str], here: int) -> int | None:
    length = headers.get("content-length", "")
    return here + int(length) if length.isdecimal() else None
