"""UserFrames: a traceback with the user's own frames, innermost last, its files under the names that the user knows."""

import re
import traceback
from pathlib import Path
from typing import Any

_MOST = 60
"""Frames of one exception; of more, as of functions that call each other for ever, the first and the last are shown."""

_INSTALLED = frozenset({"site-packages", "dist-packages"})
# Where an input is unpacked, by an attempt or a local run: no user knows these folders.
_WORKSPACES = ("pixyz-attempt-", "pixyz-local-")
_WORKSPACE = re.compile(rf"(?<=File \")[^\"\n]*?[/\\](?:{'|'.join(_WORKSPACES)})[^/\\\"\n]+[/\\]")


class _Frames(traceback.StackSummary):
    def format(self, **options: Any) -> list[str]:
        """Each frame's lines, where one that repeats itself is one already."""
        lines = super().format(**options)
        left_out = len(lines) - _MOST
        if left_out <= 0:
            return lines
        half = _MOST // 2
        return [*lines[:half], f"  [{left_out} frames are left out here]\n", *lines[-half:]]


def user_report(error: BaseException, script: Path) -> str:
    """The text: frames of the script, of modules beside it or in its input; the script under its own name.

    Raises what the user's own `__str__` and `__repr__` raise.
    """
    folder = script.absolute().parent
    report = traceback.TracebackException.from_exception(error, compact=True)
    _keep(report, folder)
    text = "".join(report.format()).replace(f'File "{folder}/', 'File "').replace(f'File "{folder}\\', 'File "')
    return _own_names(_WORKSPACE.sub("", text), script)


def _keep(report: traceback.TracebackException, folder: Path) -> None:
    waiting, seen = [report], set()
    while waiting:
        part = waiting.pop()
        seen.add(id(part))
        frames = _Frames()
        frames.extend(frame for frame in part.stack if _is_users(frame.filename, folder))
        part.stack = frames
        linked = (part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ()))
        waiting.extend(inner for inner in linked if inner is not None and id(inner) not in seen)


def _is_users(file: str, folder: Path) -> bool:
    """Beside the script, or in what an input archive has brought."""
    path = Path(file)
    if not _INSTALLED.isdisjoint(path.parts):
        return False
    return path.is_relative_to(folder) or any(part.startswith(_WORKSPACES) for part in path.parts)


def _own_names(text: str, script: Path) -> str:
    """An exception of the script's own without its module, as where `python script.py` raises it."""
    name = re.escape(script.stem)
    return re.sub(rf"^([ |+-]*)(?:script_)?{name}\.(?=[\w.<>]+(?::|$))", r"\1", text, flags=re.MULTILINE)
