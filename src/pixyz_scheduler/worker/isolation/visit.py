"""visit: a script runs in a process that is not its own; what it finds is its own, what it leaves is put right."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from pixyz_scheduler.script import launch
from pixyz_scheduler.worker.isolation.terminal import stop_here


@contextmanager
def visit(script: str, *, environment: Mapping[str, str], output: Callable[[bytes], None]) -> Iterator[None]:
    """Let a script run here: its environment, its own modules, its output copied, `breakpoint()` on the terminal.

    Put right afterwards: environment, working and temporary folder, `sys.path`, `sys.argv`, `__main__`, the streams,
    and the modules from the script's folder. Whatever else it has changed stays: builtins, signals, other modules.

    Args:
        script: its path.
        environment: `os.environ` meanwhile.
        output: gets what it prints, which goes on to where this process prints.
    """
    before = _Process()
    streams = sys.stdout, sys.stderr
    _replace(os.environ, environment)
    sys.stdout, sys.stderr = _Copied(sys.stdout, output), _Copied(sys.stderr, output)
    sys.breakpointhook = stop_here
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        before.restore(Path(script).parent)


class _Process:
    """What a script changes on its way, as it was."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._folder = Path.cwd()
        self._temp = tempfile.tempdir
        self._path, self._argv = list(sys.path), sys.argv
        self._main = sys.modules["__main__"]
        self._modules = set(sys.modules)
        self._breakpoint = sys.breakpointhook
        self._launcher = launch.in_use()

    def restore(self, scripts: Path) -> None:
        """Make it so again; forget the modules that came from this folder."""
        _replace(os.environ, self._environment)
        os.chdir(self._folder)
        tempfile.tempdir = self._temp
        sys.path[:], sys.argv = self._path, self._argv
        sys.modules["__main__"] = self._main
        sys.breakpointhook = self._breakpoint
        launch.use(self._launcher)
        for name in set(sys.modules) - self._modules:
            if _comes_from(sys.modules[name], scripts):
                del sys.modules[name]


class _Copied:
    """A stream of text whose writing is copied."""

    def __init__(self, stream: Any, copy: Callable[[bytes], None]) -> None:
        self._stream = stream
        self._copy = copy

    def write(self, text: str) -> int:
        """Write it twice."""
        written: int = self._stream.write(text)
        self._copy(text.encode(errors="replace"))
        return written

    def writelines(self, lines: list[str]) -> None:
        """Each."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _comes_from(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).is_relative_to(folder.absolute())


def _replace(values: Any, by: Mapping[str, str]) -> None:
    for name in set(values) - set(by):
        del values[name]
    values.update(by)
