"""The child: what a spare does, from waiting for its one request to the exit status of the attempt."""

import os
import select
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pixyz_scheduler.engine.sdk import JobSession
from pixyz_scheduler.errors import PackagesMissing, StorageFull, Unavailable
from pixyz_scheduler.script.attempt import AttemptRequest
from pixyz_scheduler.script.channel import SocketChannel, TwoWayChannel
from pixyz_scheduler.script.rehearsal import rehearse
from pixyz_scheduler.script.script_error import describe
from pixyz_scheduler.storage.unpack import UnpackLimits, is_archive
from pixyz_scheduler.storage.workspace import Workspace
from pixyz_scheduler.worker.isolation.afresh import begin_afresh
from pixyz_scheduler.worker.isolation.licensed import run_licensed
from pixyz_scheduler.worker.isolation.printed import print_by_lines
from pixyz_scheduler.worker.provision.allowance import Allowance
from pixyz_scheduler.worker.provision.environments import Held
from pixyz_scheduler.worker.provision.fetched import fetched
from pixyz_scheduler.worker.provision.packages import prepare
from pixyz_scheduler.worker.provision.preparation import Preparation

# Seconds without a request after which a spare takes it that there is time.
_HURRY = 0.03
_TRACE = ("TRACEPARENT", "TRACESTATE")


def serve(sock: socket.socket, *, session: JobSession) -> int:
    """Wait for the one request, run it; the answer is the status to exit with."""
    print_by_lines()
    if not select.select([sock], [], [], _HURRY)[0]:
        # Touches what every job touches, so that the page faults of copy-on-write are paid before there is a job. Where
        # one job follows the other there is no time of rest in which that costs nobody anything.
        rehearse(times=1)
    channel, allowance = SocketChannel(sock), Allowance.of_environment(os.environ)
    request = channel.receive()
    return 0 if request is None else attempt(request, channel, session=session, allowance=allowance)


def attempt(
    request: Mapping[str, Any], channel: TwoWayChannel, *, session: JobSession, allowance: Allowance | None = None
) -> int:
    """Run the attempt that a message asks for; the answer is the status to exit with."""
    allowance = allowance or Allowance.of_environment(os.environ)
    asked = AttemptRequest.from_message(request)
    _use_trace(asked.trace)
    if asked.workspace is None:
        return run_licensed(asked.to_message(), channel, session=session)
    _use_temp(Workspace(asked.workspace).temp)
    try:
        asked, packages = _prepared(asked, Workspace(asked.workspace), channel, allowance)
    except (Unavailable, StorageFull) as error:
        channel.send({"type": "hindered", "reason": str(error)})
        return 1
    except BaseException as error:  # noqa: BLE001  (what is wrong with what the job needs is its error, in words)
        channel.send(_told(error, asked.script))
        return 1
    if packages is not None:
        begin_afresh(packages, asked, channel)
    return run_licensed(asked.to_message(), channel, session=session)


def _prepared(
    asked: AttemptRequest, workspace: Workspace, channel: TwoWayChannel, allowance: Allowance
) -> tuple[AttemptRequest, Held | None]:
    """All that the script needs before it begins: here, where it harms one attempt only."""
    with Preparation(channel) as preparation:
        packages = prepare(asked.script, allowance, begins=preparation.begin, source=asked.source)
        if asked.input_url is not None:
            asked = fetched(asked, workspace, allowance, preparation)
        return _with_input(asked, workspace), packages


def _told(error: BaseException, script: Path) -> dict[str, Any]:
    told = describe(error, script)
    if isinstance(error, PackagesMissing):
        told = replace(told, kind="import", traceback=f"{error.said}{told.traceback}")
    return told.to_message()


def _use_trace(trace: Mapping[str, str]) -> None:
    """That of the job; one in which the worker itself was started is none of the script's."""
    for name in _TRACE:
        os.environ.pop(name, None)
    os.environ.update(trace)


def _use_temp(folder: Path) -> None:
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None


def _with_input(asked: AttemptRequest, workspace: Workspace) -> AttemptRequest:
    """The request with its input archive, if it has one, unpacked: here, where a bomb harms one attempt only."""
    given = asked.context.get("input_file")
    if not given or not is_archive(given):
        return asked
    others = [Path(other) for other in asked.context.get("input_files", ()) if other != given]
    root = workspace.prepare_input(
        Path(given), root_file=asked.context.get("root_file"), limits=UnpackLimits(), beside=others
    )
    unpacked = {"input_dir": str(workspace.unpacked), "input_file": None if root is None else str(root)}
    return replace(asked, context={**asked.context, **unpacked})
