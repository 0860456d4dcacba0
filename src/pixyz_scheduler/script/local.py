"""LocalPixyzTask: `python script.py` runs the script in this process, with no server, so that a debugger works."""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from bdb import BdbQuit
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixyz_scheduler.catalog.inline_metadata import needs_of
from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.engine.sdk import job_session
from pixyz_scheduler.errors import InvalidArchive, InvalidScript, LicenceMissing, PackagesMissing
from pixyz_scheduler.script import launch
from pixyz_scheduler.script.context import ProgramContext
from pixyz_scheduler.script.faults import PixyzSharedDirectoryNotFound
from pixyz_scheduler.script.in_place import InPlace, run
from pixyz_scheduler.script.needs import check_python, unmet
from pixyz_scheduler.script.result import to_json
from pixyz_scheduler.script.script_error import describe


class TerminalChannel:
    """Writes a script's progress as lines on stderr, where the result on stdout is not disturbed."""

    def __init__(self) -> None:
        self._total: int | None = None
        self._begun = 0

    def send(self, message: dict[str, Any]) -> None:
        """Write one message as a line."""
        if message["type"] == "progress_total":
            self._total = message["total"]
        elif message["type"] == "step":
            self._begun += 1
            _tell(f"[{self._begun}/{self._total or '?'}] {message['info']}")
        elif message["type"] == "progress_output":
            _tell(f"output: {json.dumps(message['value'], ensure_ascii=False)}")


class LocalPixyzTask:
    """Runs a script's entry point in this process."""

    @staticmethod
    def from_commandline(
        file: str,
        cwd: str | None = None,
        entrypoint: str = "main",
        params: Mapping[str, Any] | None = None,
        input_file: str | None = None,
        *,
        arguments: Sequence[str] | None = None,
    ) -> Any:
        """Run with the options of the command line (`-i -p -e -o`), which win over the arguments given here.

        Prints and ends as `run_here`, with status 1 when the script fails.
        """
        script = Path(file).absolute()
        options = _parser(script, entrypoint).parse_args(arguments)
        return run_here(
            LocalRun(
                script,
                entrypoint=options.entrypoint,
                params=dict(params or {}) if options.params is None else options.params,
                input_file=options.input or input_file,
                outputs=Path(options.output or Path(cwd or Path.cwd()) / f"{script.stem}-outputs"),
            )
        )


@dataclass(frozen=True)
class LocalRun:
    """What to run in this process.

    Attributes:
        script: where it lies; loaded, unless it is what runs already.
        entrypoint: the function.
        params: its second argument.
        input_file: a file or a folder.
        outputs: the folder that `get_output_dir()` gives; made, and removed again where nothing was put there.
        failed: the exit status of a script that raises.
    """

    script: Path
    entrypoint: str
    params: Any
    input_file: str | None
    outputs: Path
    failed: int = 1


def run_here(asked: LocalRun) -> Any:
    """Run it and give back what it returned.

    Prints the result as JSON on stdout, progress and the folder of the outputs on stderr. Ends the process with the
    user's traceback when the script fails.
    """
    _check_needs(asked.script)
    had_outputs = asked.outputs.is_dir()
    with tempfile.TemporaryDirectory(prefix="pixyz-local-") as temporary:
        pc = _context(asked.script, asked.input_file, asked.outputs, Path(temporary) / "input")
        pc.update(entrypoint=asked.entrypoint, params=asked.params)
        with _licensed():
            result = _run(asked, pc)
    sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    if not had_outputs:
        _forget_if_empty(asked.outputs)
    if any(asked.outputs.glob("*")):
        _tell(f"outputs: {os.path.relpath(asked.outputs)}")
    return result


def _check_needs(script: Path) -> None:
    """Ends the process with status 2 where the script says that it needs what is not here: nobody prepares it."""
    try:
        needs = needs_of(script.read_bytes(), filename=script.name)
        check_python(needs, filename=script.name)
        missing = unmet(needs.dependencies) if needs.dependencies else []
    except (InvalidScript, PackagesMissing) as error:
        _tell(str(error))
        raise SystemExit(2) from None
    if missing:
        quoted = " ".join(f"'{package}'" for package in missing)
        _tell(f"{script.name} needs what is not installed here: python -m pip install {quoted}")
        raise SystemExit(2)


def _context(script: Path, input_file: str | None, folder: Path, workspace: Path) -> ProgramContext:
    """The context of the run; an input archive is unpacked into `workspace`, as a worker does it."""
    try:
        pc = ProgramContext.from_local(script, input_file, folder)
        if pc["input_file"]:
            _unpack(pc, workspace)
    except (PixyzSharedDirectoryNotFound, InvalidArchive) as error:
        _tell(str(error))
        raise SystemExit(2) from None
    return pc.update(ProgramContext.connected(pc.to_wire(), TerminalChannel()))


def _unpack(pc: ProgramContext, workspace: Path) -> None:
    from pixyz_scheduler.storage.unpack import UnpackLimits, is_archive, unpack  # every compression there is: 20 ms

    if is_archive(pc["input_file"]):
        unpack(Path(pc["input_file"]), workspace, limits=UnpackLimits())
        pc.update(input_dir=str(workspace), input_file=None)


@contextlib.contextmanager
def _licensed() -> Iterator[None]:
    """The Pixyz SDK's session where it is here; a script that needs no licence runs without one."""
    session = job_session(EngineChoice.from_environment(os.environ))
    try:
        session.hold()
    except LicenceMissing as error:
        _tell(f"Warning: {error}")
    try:
        yield
    finally:
        session.let_go()


def _run(asked: LocalRun, pc: ProgramContext) -> Any:
    try:
        launch.use(InPlace(pc))
        return to_json(run(pc, pc["params"]))
    except BdbQuit:  # the user has left the debugger by `q`
        raise SystemExit(asked.failed) from None
    except Exception as error:
        if sys.gettrace() is not None:  # a debugger wants to stop where it was raised
            raise
        told = describe(error, asked.script)
        _tell(told.traceback.rstrip())
        if told.error not in told.traceback:  # it says more than the exception: what to do
            _tell(f"\n{told.error}")
        raise SystemExit(asked.failed) from None


def _parser(script: Path, entrypoint: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=script.name, description="Run this script here, without a server.")
    parser.add_argument("-i", "--input", metavar="FILE", help="the input: a file or a folder")
    parser.add_argument("-p", "--params", type=_json_params, metavar="JSON", help="the params handed to the script")
    parser.add_argument("-e", "--entrypoint", default=entrypoint, metavar="NAME", help="the function to run")
    parser.add_argument("-o", "--output", metavar="DIR", help="the folder that get_output_dir() gives")
    return parser


def _json_params(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None


def _forget_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()  # only an empty one goes


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
