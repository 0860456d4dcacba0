"""ScriptError: what went wrong in a user's script, told in the user's own words and lines."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pixyz_scheduler.errors import SchedulerError
from pixyz_scheduler.script.advice import advice
from pixyz_scheduler.script.result import ResultError
from pixyz_scheduler.script.text import one_line, printable
from pixyz_scheduler.script.user_frames import user_report

Kind = Literal["script", "syntax", "import", "result"]

MAX_TRACEBACK = 64 * 1024
"""Characters; of a longer traceback the end is kept, where the exception stands."""


@dataclass(frozen=True)
class ScriptError:
    """One line for the job's state, the traceback for its details."""

    kind: Kind
    error: str
    traceback: str
    exit_code: int | None = None

    def to_message(self) -> dict[str, Any]:
        """As it goes over the channel."""
        message = {"type": "error", "kind": self.kind, "error": self.error, "traceback": self.traceback}
        return message if self.exit_code is None else {**message, "exit_code": self.exit_code}


def describe(error: BaseException, script: Path) -> ScriptError:
    """The error of a user's script, with the frames of the script and of the modules beside it, innermost last."""
    kind = _kind(error, script)
    report = _report(error, script)
    if isinstance(error, SystemExit):
        line = "The script called sys.exit(0) before returning a result."
        return ScriptError(kind, line, report, exit_code=0)
    if isinstance(error, SchedulerError) and '  File "' not in report:  # raised by us, not by a line of the user's
        return ScriptError(kind, one_line(str(error)), f"{printable(str(error))}\n")
    line = str(error) if kind == "result" else f"{type(error).__name__}: {_text(error)}".removesuffix(": ")
    return ScriptError(kind, one_line(line + advice(error)), report)


def user_traceback(error: BaseException, script: Path) -> str:
    """The traceback with the user's own frames only, the script under its own name."""
    return printable(user_report(error, script)[-MAX_TRACEBACK:])


def _report(error: BaseException, script: Path) -> str:
    try:
        return user_traceback(error, script)
    except Exception:  # noqa: BLE001  (a traceback is made by calling the user's own __str__ and __repr__)
        return f"{type(error).__qualname__}: its traceback cannot be shown.\n"


def _kind(error: BaseException, script: Path) -> Kind:
    if isinstance(error, ResultError):
        return "result"
    if isinstance(error, SyntaxError) and error.filename in {str(script.absolute()), script.name}:
        return "syntax"
    return "import" if isinstance(error, ImportError | SyntaxError) else "script"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001  (the user's own __str__)
        return f"(its text cannot be shown: __str__ raised {type(broken).__name__})"
