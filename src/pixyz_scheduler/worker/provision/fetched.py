"""An attempt whose input lies elsewhere: the same attempt, its input at hand."""

import sys
import time
from dataclasses import replace
from pathlib import Path

from pixyz_scheduler.jobs.input_url import AllowedUrls
from pixyz_scheduler.script.attempt import AttemptRequest
from pixyz_scheduler.storage.disk import group_bits
from pixyz_scheduler.storage.share_file import share_file
from pixyz_scheduler.storage.space import in_words
from pixyz_scheduler.storage.workspace import Workspace
from pixyz_scheduler.worker.provision.allowance import Allowance
from pixyz_scheduler.worker.provision.preparation import Preparation


def fetched(
    asked: AttemptRequest, workspace: Workspace, allowance: Allowance, preparation: Preparation
) -> AttemptRequest:
    """The attempt with its `input_url` fetched: into the job's inputs, where other machines find it too, if it has any.

    A file on the share is read where it lies.

    Raises:
        InvalidConfig, UnsafePath, InputMissing, UploadTooLarge: it cannot be had.
        Unavailable, StorageFull: not now.
    """
    allowed = AllowedUrls.of(allowance.urls)
    url = allowed.check(asked.input_url or "")
    if url.scheme == "file":
        return _with(asked, share_file(allowance.share, url.target))
    # Only such a job pays for what speaks HTTP: 20 ms.
    from pixyz_scheduler.worker.provision.download import Download

    preparation.begin()
    began = time.monotonic()

    def told(name: str, size: int | None) -> None:
        preparation.step(f"Downloading {name}" + (f" ({in_words(size)})" if size is not None else ""))

    download = Download(allowed, max_bytes=allowance.max_input, min_free=allowance.min_free, told=told)
    folder, mode = _place(asked, workspace)
    path = download.fetch(url, folder, beside=asked.script.name, mode=mode)
    seconds = time.monotonic() - began
    sys.stderr.write(f"Input: {path.name}, {path.stat().st_size} bytes from {url.shown} in {seconds:.3f} s\n")
    sys.stderr.flush()
    return _with(asked, path)


def _place(asked: AttemptRequest, workspace: Workspace) -> tuple[Path, int]:
    """Where it goes, and who may read it there besides us: as with an input that was sent."""
    inputs = asked.context.get("input_dir")
    if inputs:
        return Path(inputs), 0o600 | (group_bits(Path(inputs)) & 0o040)
    folder = workspace.path / "fetched"
    folder.mkdir(mode=0o700)
    return folder, 0o600


def _with(asked: AttemptRequest, path: Path) -> AttemptRequest:
    context = {**asked.context, "data": path.name, "input_file": str(path)}
    return replace(asked, context=context, input_url=None)
