"""The catalog of processes: a folder of named scripts, read and never imported."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from pixyz_scheduler.catalog.outline import FunctionOutline, ScriptOutline
from pixyz_scheduler.errors import ProcessUndocumented, UnknownProcess

_NAME = re.compile(r"[^\W_][\w-]*")
_SUFFIX = ".py"


@dataclass(frozen=True)
class ProcessCatalog:
    """The scripts of one folder, by name. What was read is kept until the file changes."""

    folder: Path
    _read: dict[str, tuple[tuple[int, int], ScriptOutline]] = field(default_factory=dict, repr=False, compare=False)

    def names(self) -> list[str]:
        """Every process there is, sorted: `*.py`, save those that start with `_` or `.`; no folder means none."""
        try:
            with os.scandir(self.folder) as entries:
                return sorted(_stem(entry.name) for entry in entries if _is_process(entry.name) and entry.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def path(self, name: str) -> Path:
        """The file of a process; raises UnknownProcess, naming those there are."""
        names = self.names()
        if name not in names:
            there = ", ".join(names) or f"none in {self.folder}"
            raise UnknownProcess(f"There is no process {name!r}. Processes: {there}.")
        return (self.folder / f"{name}{_SUFFIX}").resolve()

    def outline(self, name: str) -> ScriptOutline:
        """What a process holds; raises UnknownProcess or InvalidScript."""
        path = self.path(name)
        status = path.stat()
        version = (status.st_mtime_ns, status.st_size)
        known = self._read.get(name)
        if known is None or known[0] != version:
            # Two threads may read it at once and store the same: harmless.
            known = self._read[name] = (version, ScriptOutline.parse(path.read_bytes(), filename=path.name))
        return known[1]

    def entrypoint(self, name: str, entrypoint: str = "main") -> FunctionOutline:
        """The function that a process starts with; raises UnknownProcess or InvalidScript."""
        return self.outline(name).entrypoint(entrypoint)

    def doc(self, name: str, entrypoint: str = "main") -> str:
        """The docstring of a process's entry point, else that of its file.

        Raises:
            UnknownProcess: no such process.
            ProcessUndocumented: neither has a docstring.
        """
        function = self.entrypoint(name, entrypoint)
        doc = function.doc or self.outline(name).doc
        if not doc:
            raise ProcessUndocumented(
                f"The process {name!r} has no docstring: its function {entrypoint!r} says nothing."
            )
        return doc


def _is_process(file_name: str) -> bool:
    return file_name.endswith(_SUFFIX) and _NAME.fullmatch(_stem(file_name)) is not None


def _stem(file_name: str) -> str:
    return file_name.removesuffix(_SUFFIX)
