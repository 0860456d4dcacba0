"""The body of the child: runs one attempt of a user's script and tells over the channel how it went."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from pixyz_scheduler.errors import LicenceMissing
from pixyz_scheduler.script import launch
from pixyz_scheduler.script.attempt import AttemptRequest
from pixyz_scheduler.script.awaited import as_json_of, awaited
from pixyz_scheduler.script.channel import ChannelError, TwoWayChannel
from pixyz_scheduler.script.context import ProgramContext
from pixyz_scheduler.script.entry_point import call, find
from pixyz_scheduler.script.farm_line import FarmLine
from pixyz_scheduler.script.in_place import run
from pixyz_scheduler.script.module import load
from pixyz_scheduler.script.result import ResultError, to_json
from pixyz_scheduler.script.schedule import schedule_of
from pixyz_scheduler.script.script_error import describe, user_traceback


def run_attempt(request: Mapping[str, Any], channel: TwoWayChannel) -> int:
    """Run the attempt; the answer is the exit status that the child must end with (`os._exit`).

    The last message is a result (status 0) or an error (status 1). `sys.exit(n)` with n other than 0 sends none: the
    status n says it. Changes the process (working folder, sys.path, sys.argv, `__main__`): one attempt a process.
    """
    attempt = AttemptRequest.from_message(request)
    process = os.getpid()
    began = time.monotonic()
    try:
        message = run_script(attempt, channel)
        _finish_in_the_background()
    except SystemExit as exit_:
        status = _exit_status(exit_)
        if status != 0:
            _tell_exit(exit_, attempt)
            return status
        message = describe(exit_, attempt.script).to_message()
    except LicenceMissing as error:  # the script asked for one itself; there may be one later
        message = {"type": "hindered", "reason": str(error)}
    except BaseException as error:  # noqa: BLE001  (whatever the user's code raises is its outcome; nothing else is here to answer)
        message = describe(error, attempt.script).to_message()
    flush()
    if os.getpid() != process:  # the script has forked, and its child came back here: only the first may answer
        return 0
    try:
        channel.send({**message, "began": began})
    except ChannelError as error:  # a result of control characters is six times longer as JSON
        message = describe(ResultError(str(error)), attempt.script).to_message()
        channel.send(message)
    return 0 if message["type"] in {"result", "awaits"} else 1


def run_script(attempt: AttemptRequest, channel: TwoWayChannel) -> dict[str, Any]:
    """Load the script, call its entry point; the message of its end. Raises what the script raises."""
    pc = ProgramContext.connected(attempt.context, channel)
    if attempt.workspace is not None:
        os.chdir(attempt.workspace)
    sys.path.insert(0, str(attempt.script.absolute().parent))
    sys.argv = [str(attempt.script)]
    source = attempt.source
    module = load(attempt.script, source=None if source is None else source.encode(), as_main=True)
    launch.use(FarmLine(channel, pc, vars(module)))
    if pc.get("calls"):
        return {"type": "result", "value": to_json(run(pc, pc["params"]))}
    function = find(module, pc["entrypoint"])
    result = call(function, pc, pc["params"])
    options = schedule_of(function)
    if options is not None and options.wait and (awaits := awaited(result)) is not None:
        return {"type": "awaits", "result": awaits}
    return {"type": "result", "value": to_json(as_json_of(result))}


def _exit_status(exit_: SystemExit) -> int:
    """The status as Python itself makes it; one that a process cannot have (256) is 1, lest it read as success."""
    if exit_.code is None:
        return 0
    if isinstance(exit_.code, int):
        return exit_.code & 0xFF or int(exit_.code != 0)
    return 1


def _tell_exit(exit_: SystemExit, attempt: AttemptRequest) -> None:
    """Into the job's log: where the script ended itself, which the status alone does not say."""
    with contextlib.suppress(Exception):  # the user may have closed or replaced stderr
        sys.stderr.write(user_traceback(exit_, attempt.script))
    flush()


def _finish_in_the_background() -> None:
    """As Python does at its end: the script's own threads and processes finish before the result counts."""
    if threading.current_thread() is threading.main_thread():
        # Joining is not enough: the idle threads of an executor end only by what this calls. multiprocessing's
        # children are ended by it too.
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  (no public name does it)
    multiprocessing = sys.modules.get("multiprocessing")
    for child in multiprocessing.active_children() if multiprocessing else ():
        if not child.daemon:
            child.join()


def flush() -> None:
    """All that was printed reaches the log before the last message; C's own buffers too, where ctypes is there."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the user may have closed or replaced it
            stream.flush()
    if "ctypes" in sys.modules and os.name == "posix":
        _c_library().fflush(None)


@cache
def _c_library() -> Any:
    """Found once, where there is a template for all that are forked from it; ctypes is there already."""
    return sys.modules["ctypes"].PyDLL(None)
