"""Brings a job's files to this machine: whole, or not at all."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from pixyz_scheduler.client import parsing, protocol
from pixyz_scheduler.client.errors import TransferFailed
from pixyz_scheduler.client.models import JobRef
from pixyz_scheduler.client.pace import ARCHIVING
from pixyz_scheduler.client.transport import Transport, read_whole
from pixyz_scheduler.errors import NotReady

CHUNK = 1 << 18

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes that are here, and with those there will be (None where the server doesn't say)."""


def output(transport: Transport, job: JobRef, path: str, to: str | Path, *, on_bytes: OnBytes | None) -> Path:
    """Fetch one file of a job to `to`, or into it where it is a folder."""
    return _fetch(transport, protocol.output_path(job, path), _target(to, PurePosixPath(path).name), on_bytes)


def archive(  # noqa: PLR0913  (what, where to, and three ways to be told or stopped)
    transport: Transport,
    job: JobRef,
    to: str | Path,
    *,
    on_bytes: OnBytes | None,
    on_wait: Callable[[str], None] | None,
    timeout: float | None,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Path:
    """Fetch all files of a job as one zip, asking again while the server is not ready."""
    target = _target(to, f"{protocol.job_id(job)}.zip")
    deadline = None if timeout is None else clock() + timeout
    tries = 0
    while True:
        try:
            return _fetch(transport, protocol.archive_path(job), target, on_bytes)
        except NotReady as reason:
            if deadline is not None and clock() >= deadline:
                raise
            if on_wait is not None and not tries:
                on_wait(str(reason))
        sleep(ARCHIVING.after(tries))
        tries += 1


def _target(to: str | Path, name: str) -> Path:
    into = str(to).endswith(("/", "\\")) or Path(to).is_dir()
    return Path(to) / name if into else Path(to)


def _fetch(transport: Transport, path: str, to: Path, on_bytes: OnBytes | None) -> Path:
    part = to.with_name(f"{to.name}.part")
    # Compressed on the way, a body's length would not be the file's.
    with transport.stream(path, headers={"accept-encoding": "identity"}) as response:
        if not response.is_success:
            raise parsing.refusal(read_whole(response), transport.url)
        length = response.headers.get("content-length", "")
        total = int(length) if length.isdecimal() else None
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                done = 0
                for chunk in response.iter_bytes(CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    if on_bytes is not None:
                        on_bytes(done, total)
            part.replace(to)
        except OSError as error:
            raise TransferFailed(f"Cannot write {to}: {error.strerror or error}.") from error
        finally:
            _discard(part)
    return to


def _discard(part: Path) -> None:
    try:
        part.unlink(missing_ok=True)
    except OSError:
        return  # where it could not be made it need not go; the first error is the one to tell
