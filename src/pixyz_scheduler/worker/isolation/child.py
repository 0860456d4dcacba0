"""The child: what a spare does, from waiting for its one request to the exit status of the attempt."""

import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pixyz_scheduler.engine.sdk import JobSession
from pixyz_scheduler.errors import LicenceMissing
from pixyz_scheduler.script.attempt import AttemptRequest
from pixyz_scheduler.script.channel import SocketChannel, TwoWayChannel
from pixyz_scheduler.script.host import run_attempt
from pixyz_scheduler.script.rehearsal import rehearse
from pixyz_scheduler.script.script_error import describe
from pixyz_scheduler.storage.unpack import UnpackLimits, is_archive
from pixyz_scheduler.storage.workspace import Workspace


def serve(sock: socket.socket, *, session: JobSession) -> int:
    """Wait for the one request, run it; the answer is the status to exit with."""
    # Touches what every job touches, so that the page faults of copy-on-write are paid before there is a job.
    rehearse()
    channel = SocketChannel(sock)
    request = channel.receive()
    return 0 if request is None else attempt(request, channel, session=session)


def attempt(request: Mapping[str, Any], channel: TwoWayChannel, *, session: JobSession) -> int:
    """Run the attempt that a message asks for; the answer is the status to exit with."""
    asked = AttemptRequest.from_message(request)
    if asked.workspace is not None:
        _use_temp(Workspace(asked.workspace).temp)
        try:
            asked = _with_input(asked, Workspace(asked.workspace))
        except BaseException as error:  # noqa: BLE001  (what is wrong with the input is the job's error, in words)
            channel.send(describe(error, asked.script).to_message())
            return 1
    try:
        with session:
            return run_attempt(asked.to_message(), channel)
    except LicenceMissing as error:
        channel.send({"type": "hindered", "reason": str(error)})
        return 1


def _use_temp(folder: Path) -> None:
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None


def _with_input(asked: AttemptRequest, workspace: Workspace) -> AttemptRequest:
    """The request with its input archive, if it has one, unpacked: here, where a bomb harms one attempt only."""
    given = asked.context.get("input_file")
    if not given or not is_archive(given):
        return asked
    root = workspace.prepare_input(Path(given), root_file=asked.context.get("root_file"), limits=UnpackLimits())
    unpacked = {"input_dir": str(workspace.unpacked), "input_file": None if root is None else str(root)}
    return replace(asked, context={**asked.context, **unpacked})
