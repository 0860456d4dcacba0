"""ProgramContext: all that a script is told of its job; a dict that travels between machines as JSON."""

import contextlib
import copy
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

from pixyz_scheduler.script import workflows
from pixyz_scheduler.script.channel import Channel
from pixyz_scheduler.script.context_keys import DEFAULTS
from pixyz_scheduler.script.faults import PixyzSharedDirectoryNotFound
from pixyz_scheduler.script.input_folder import inside, main_file
from pixyz_scheduler.script.progress_reporter import ProgressReporter

_LIVE = frozenset({"progress", "task"})
"""Keys whose values belong to this process and do not travel."""


class ProgramContext(dict[str, Any]):
    """The job's context, handed to the entry point as `pc`.

    Keys: `script, data, root_file, entrypoint, params, compute_only, raw, tmp, is_local, time_request, task_id,
    time_limit, queue, retry, input_dir, input_file, output_dir, shadow, progress, task`. Paths are text. Any key that
    a script adds travels along where its value is JSON.
    """

    def __init__(self, *values: Mapping[str, Any], **more: Any) -> None:
        super().__init__({**DEFAULTS, "params": {}})
        for part in values:
            super().update(part)
        super().update(more)
        if not isinstance(self.get("progress"), ProgressReporter):  # it came as JSON
            self["progress"] = ProgressReporter()

    @classmethod
    def connected(cls, values: Mapping[str, Any], channel: Channel) -> "ProgramContext":
        """The context whose progress goes over the channel."""
        return cls(values, progress=ProgressReporter(channel))

    @classmethod
    def from_local(
        cls, script: str | Path, input_path: str | Path | None = None, output_dir: str | Path | None = None
    ) -> "ProgramContext":
        """A context for a run in this process; `output_dir` (the working folder by default) is made if needed.

        Raises:
            PixyzSharedDirectoryNotFound: `input_path` is not there.
        """
        source = Path(input_path).absolute() if input_path else None
        if source is not None and not source.exists():
            raise PixyzSharedDirectoryNotFound(f"The input {input_path} is not there.")
        outputs = Path(output_dir or Path.cwd()).absolute()
        outputs.mkdir(parents=True, exist_ok=True)
        folder = source if source is None or source.is_dir() else source.parent
        return cls(
            script=str(Path(script).absolute()),
            data=source.name if source else None,
            is_local=True,
            time_request=datetime.now(timezone.utc).isoformat(),
            task_id=str(uuid4()),
            input_dir=str(folder) if folder else None,
            input_file=str(source) if source and source.is_file() else None,
            output_dir=str(outputs),
        )

    def to_wire(self) -> dict[str, Any]:
        """The plain dict that travels: all but what belongs to this process."""
        return {key: value for key, value in self.items() if key not in _LIVE}

    def update(self, *values: Any, **more: Any) -> "ProgramContext":  # type: ignore[override]  # users chain it
        """As a dict's own, and returns the context: `pc.clone().update(entrypoint="b", raw=True)`."""
        super().update(*values, **more)
        return self

    def clone(self, **more: Any) -> "ProgramContext":
        """A copy that shares nothing with this one but its progress; then `update(**more)`."""
        live = {key: self[key] for key in _LIVE if key in self}
        return ProgramContext(copy.deepcopy(self.to_wire()), live, more)

    def __copy__(self) -> "ProgramContext":
        return self.clone()

    copy = clone

    def execute(self, params: Any = None, **celery_options: Any) -> Any:
        """Run this context's entry point as a sub-task: a job of its own; in a local run at once, in this process.

        Args:
            params: what it is called with; None for those of the context.
            celery_options: `queue`, `priority`, `time_limit` (seconds).

        Returns:
            Celery's AsyncResult.

        Raises:
            InvalidWorkflow: says what cannot be had.
        """
        return workflows.submit(self, params, celery_options)

    def progress_set_total(self, total: int) -> None:
        """Announce how many steps there will be."""
        self["progress"].set_total(total)

    def progress_next(self, info: object = "") -> None:
        """Begin the next step; `info` says what it does."""
        self["progress"].next(info)

    def progress_stop(self) -> None:
        """End the last step."""
        self["progress"].stop()

    def progress_output(self, value: Any) -> None:
        """Show a value beside the progress while the script goes on; any JSON."""
        self["progress"].output(value)

    def get_input_dir(self, name: str | None = None) -> str:
        """The folder of the inputs, or the path of one in it.

        Raises:
            PixyzSharedDirectoryNotFound: the job has no such folder, or no longer.
            PixyzSecurityViolation: the name leaves the folder.
        """
        return self._path("input_dir", name)

    def get_output_dir(self, name: str | None = None) -> str:
        """The folder of the outputs, or the path of one in it (`a/b.glb`: the folder `a` is made).

        Raises:
            PixyzSharedDirectoryNotFound: the job has no such folder, or no longer.
            PixyzSecurityViolation: the name leaves the folder.
        """
        path = self._path("output_dir", name)
        if name:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        return path

    def get_input_file(self) -> str | None:
        """The uploaded file; of an archive `root_file`, else its first file with a 3D suffix; None without input.

        Raises:
            PixyzFileNotFound: `root_file` is not among the inputs.
            PixyzSharedDirectoryNotFound: the inputs are there no longer.
        """
        if self["input_file"]:
            if not Path(self["input_file"]).exists():
                raise PixyzSharedDirectoryNotFound(f"The input file {self['input_file']} is gone.")
            return str(self["input_file"])
        if not self["input_dir"]:
            return None
        found = main_file(Path(self.get_input_dir()), root_file=self["root_file"])
        return str(found) if found else None

    def is_local(self) -> bool:
        """Whether the script runs without a server."""
        return bool(self["is_local"])

    def is_compute_only(self) -> bool:
        """Whether the task has no folders of its own."""
        return bool(self["compute_only"])

    def is_need_a_tmp(self) -> bool:
        """Whether the task asks for a temporary folder."""
        return bool(self["tmp"])

    def AsyncResult(self, task_id: str) -> Any:  # noqa: N802  (Celery's name, and users')
        """The result of a sub-task: Celery's AsyncResult."""
        return workflows.result(self, task_id)

    def allow_join_result(self) -> AbstractContextManager[None]:
        """Celery's guard around waiting for a task inside a task; nothing here refuses it."""
        return contextlib.nullcontext()

    def _path(self, key: str, name: str | None) -> str:
        folder = self[key]
        if not folder:
            reason = "compute_only is set" if self.is_compute_only() else "none was given"
            raise PixyzSharedDirectoryNotFound(f"This job has no {key}: {reason}.")
        if not Path(folder).is_dir():
            raise PixyzSharedDirectoryNotFound(f"The job's {key} {folder} is gone.")
        return str(inside(Path(folder), name)) if name else str(folder)


def register_json_types() -> None:
    """Teach Celery's JSON (kombu) to carry a context: what belongs to this process becomes null.

    A dict's subclass arrives as a plain dict, whatever is registered: `ProgramContext(values)` makes it whole.
    """
    from kombu.utils.json import register_type  # only processes that speak Celery have it loaded

    register_type(ProgressReporter, None, lambda _: None)
