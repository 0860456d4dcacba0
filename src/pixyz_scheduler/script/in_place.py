"""InPlace: sub-tasks that run at once, in this process: how a local run does what the farm does elsewhere."""

import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from pixyz_scheduler.errors import InvalidWorkflow
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.workflow import Node, jobs_in, resolved
from pixyz_scheduler.script import launch
from pixyz_scheduler.script.awaited import as_json_of, awaited
from pixyz_scheduler.script.entry_point import call, find
from pixyz_scheduler.script.faults import PixyzExecutionFault
from pixyz_scheduler.script.launch import Seen
from pixyz_scheduler.script.module import load
from pixyz_scheduler.script.result import to_json
from pixyz_scheduler.script.schedule import ScheduleOptions, schedule_of

_UNKNOWN = Seen("PENDING")


class InPlace:
    """Runs sub-tasks when they are started. See launch.Launcher.

    Args:
        base: the context of the run, a ProgramContext.
    """

    def __init__(self, base: Any) -> None:
        self.base = base
        self.made: Counter[str] = Counter()
        self._seen: dict[str, Seen] = {}
        self._raw: dict[str, bool] = {}

    def start(self, nodes: Sequence[Node]) -> None:
        """Run them, one after the other; what one raises is kept for who asks."""
        for node in nodes:
            self._raw[node.id] = bool(node.config.get("raw"))
            self._seen[node.id] = self._run(node)

    def look(self, task_ids: Sequence[str]) -> Mapping[str, Seen]:
        """How they ended."""
        return {task_id: self._seen.get(task_id, _UNKNOWN) for task_id in task_ids}

    def waiting(self) -> AbstractContextManager[None]:
        """There is nothing to wait for."""
        return nullcontext()

    def cancel(self, task_id: str) -> None:
        """Nothing: what was started has ended."""

    def remember(self, other: "InPlace") -> None:
        """What another has run is known here, too."""
        self._seen, self._raw = other._seen, other._raw  # noqa: SLF001  (its own kind)

    def _run(self, node: Node) -> Seen:
        failed = [before for before in jobs_in(node.params) if self._seen[before].status != "SUCCESS"]
        if failed:
            why = self._seen[failed[0]].result
            return Seen("FAILURE", PixyzExecutionFault(f"Not run, since job {failed[0]} before it failed: {why!r}"))
        params = resolved(node.params, self._value)
        context = self.base.clone(**node.config, **node.context, entrypoint=node.entrypoint, task_id=str(node.id))
        try:
            return Seen("SUCCESS", to_json(run(context, params)))
        except Exception as error:  # noqa: BLE001  (the user's own, raised again by get())
            return Seen("FAILURE", error, traceback.format_exc())

    def _value(self, job_id: JobId) -> Any:
        result = self._seen[job_id].result
        if self._raw[job_id]:
            return result
        return {"result": result, "steps": [], "time_info": {}, "progress": 100, "retry": 0}


def launcher_of(context: Any) -> launch.Launcher:
    """Who runs the sub-tasks of this process: where there is no farm, itself; it begins with this context."""
    found = launch.in_use()
    if found is not None and not (isinstance(found, InPlace) and _is_anothers(context, found)):
        return found
    if not hasattr(context, "clone"):
        raise InvalidWorkflow("A sub-task needs a ProgramContext: pixyz_execute.s(params, pc.clone()).")
    # Which function is at work nobody has said: not the one that this context is for.
    made = InPlace(context.clone(entrypoint=None))
    if isinstance(found, InPlace):
        # What was started before is still asked for.
        made.remember(found)
    launch.use(made)
    return made


def _is_anothers(context: Any, found: "InPlace") -> bool:
    return hasattr(context, "clone") and context["script"] != found.base["script"]


def run(pc: Any, params: Any) -> Any:
    """Run the entry point that a context names, here, to its end; what it ended with.

    Raises:
        PixyzExecutionFault: the context names no script.
    """
    if not pc["script"]:
        raise PixyzExecutionFault("The context names no script.")
    if pc.get("calls"):
        return [to_json(run(_one_of(pc, one), one["params"])) for one in params]
    function = find(load(Path(pc["script"])), pc["entrypoint"])
    return _ended(call(function, pc, params), schedule_of(function))


def _one_of(pc: Any, one: Mapping[str, Any]) -> Any:
    return pc.clone(**one["context"], entrypoint=one["entrypoint"], calls=False)


def _ended(returned: Any, options: ScheduleOptions | None) -> Any:
    """What it ended with: of sub-tasks that it waits for, what they did."""
    if options is None or not options.wait or awaited(returned) is None:
        return as_json_of(returned)
    return [each.get() for each in returned] if isinstance(returned, list | tuple) else returned.get()
