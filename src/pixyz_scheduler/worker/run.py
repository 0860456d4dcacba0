"""Run: one attempt put to work: its workspace, its request, its child, its log."""

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pixyz_scheduler.catalog.glance import glance
from pixyz_scheduler.catalog.processes import ProcessCatalog
from pixyz_scheduler.errors import LeaseLost
from pixyz_scheduler.jobs.pace import PACE
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.queues import retry_time_limit
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.script.attempt import AttemptRequest
from pixyz_scheduler.script.chores import chore_path, is_chore
from pixyz_scheduler.storage.job_folder import JobFolder
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.storage.workspace import Workspace
from pixyz_scheduler.storage.workspaces import Workspaces
from pixyz_scheduler.worker.cache.result_cache import NO_CACHE, Cache
from pixyz_scheduler.worker.isolation.events import Exited
from pixyz_scheduler.worker.isolation.slots import Slots
from pixyz_scheduler.worker.job_log import JobLog
from pixyz_scheduler.worker.limits import Limits, MemoryLimit
from pixyz_scheduler.worker.subtasks import Subtasks
from pixyz_scheduler.worker.supervisor import Ended, Stop, Supervisor

_GPUHIGH = "gpuhigh"


@dataclass(frozen=True)
class Workshop:
    """What every attempt of a worker is run with.

    Attributes:
        share: where job folders lie.
        catalog: where processes lie.
        slots: where children come from.
        workspaces: where attempts work.
        retry_time_limit: seconds, PIXYZ_RETRY_TIME_LIMIT.
        subtasks: answers the calls of scripts.
        memory: limit of a job's tree.
        memory_gpuhigh: the same on the queue gpuhigh.
        lend: told of each slot that is lent (1), or no more (-1).
        log_limit: bytes of an attempt's log; 0 for any.
        preparation: seconds for what a job needs before its script begins.
        freeze: seconds, `Pace.freeze`; no child begins on a lease that is older than half of it.
        cache: answers a job by the outputs of an earlier one that did the same work.
    """

    share: Share
    catalog: ProcessCatalog
    slots: Slots
    workspaces: Workspaces
    retry_time_limit: float
    subtasks: Subtasks
    memory: MemoryLimit
    memory_gpuhigh: MemoryLimit
    lend: Callable[[int], None] = lambda _: None
    log_limit: int = 0
    preparation: float = math.inf
    freeze: float = PACE.freeze
    cache: Cache = NO_CACHE

    def run(self, report: JobReport, tell: Callable[[Progress], None], since: float) -> "Run":
        """One attempt, not begun; its lease counts from this monotonic moment."""
        return Run(self, report, tell, since)


class Run:
    """One attempt at work; `watch` in one thread, `stop` and `tick` from any, also before and after."""

    def __init__(self, workshop: Workshop, report: JobReport, tell: Callable[[Progress], None], since: float) -> None:
        self._since = since
        self._waits = False
        self._workshop = workshop
        self._report = report
        self._tell = tell
        self._changed = threading.Condition()
        self._asked: Stop | None = None
        self._supervisor: Supervisor | None = None

    def watch(self) -> Ended:
        """Run the attempt to its end. Raises what hinders it: StorageFull, Unavailable, UnknownProcess."""
        try:
            return self._workshop.cache.around(self._report, self._watch, fit=self._young_lease)
        except LeaseLost:
            if self._asked is None:
                raise
            return Ended(self._asked, Progress(), Exited())

    def _watch(self) -> Ended:
        workshop, report = self._workshop, self._report
        folder = workshop.share.folder(report.job.id)
        with (
            workshop.workspaces.open() as workspace,
            self._log(folder) as log,
            workshop.slots.child(self._request(workspace), since=self._young_lease) as child,
        ):
            supervisor = Supervisor(
                child,
                limits=self._limits(),
                log=log,
                tell=self._tell,
                answer=self._answer,
            )
            with self._changed:
                self._supervisor = supervisor
                # The lease may have been renewed while the child was waited for.
                supervisor.tick(self._since)
                if self._asked is not None:
                    supervisor.stop(self._asked)
            try:
                return supervisor.run()
            finally:
                self._set_waiting(waits=False)
                with self._changed:
                    self._supervisor = None

    def stop(self, reason: Stop) -> None:
        """End the attempt for this reason."""
        with self._changed:
            self._asked = self._asked or reason
            self._changed.notify()
            if self._supervisor is not None:
                self._supervisor.stop(reason)

    def tick(self, asked: float) -> None:
        """The lease was renewed, as the store said when it was asked at this monotonic moment."""
        with self._changed:
            self._since = asked
            self._changed.notify()
            if self._supervisor is not None:
                self._supervisor.tick(asked)

    def _young_lease(self) -> float:
        """From when the lease counts, once it is young enough; raises LeaseLost where the attempt is to stop.

        The answer to a claim may be old when it is read: the store was slow, or this process stood still. Then another
        worker may be at work already; the keeper asks, and its word comes here.
        """
        with self._changed:
            while self._asked is None and time.monotonic() - self._since > self._workshop.freeze / 2:
                self._changed.wait()
            if self._asked is not None:
                raise LeaseLost(f"Job {self._report.job.id} is not to begin here any more.")
            return self._since

    def _answer(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        match call:
            case {"do": "wait", "waits": bool(waits), "number": int(number)}:
                self._set_waiting(waits=waits)
                return {"type": "answer", "number": number, "value": None}
            case _:
                return self._workshop.subtasks.answer(self._report.job, call)

    def _set_waiting(self, *, waits: bool) -> None:
        """While the script only waits for its sub-tasks, its slot is theirs."""
        if waits != self._waits:
            self._waits = waits
            self._workshop.lend(1 if waits else -1)

    def _log(self, folder: JobFolder) -> JobLog:
        # A sub-task that only computes has no folder, and prints all the same.
        is_subtask = self._report.job.parent is not None
        return JobLog(folder, self._report.epoch, limit=self._workshop.log_limit, make_folder=is_subtask)

    def _limits(self) -> Limits:
        silence = self._report.job.options.no_progress_limit
        silence = math.inf if silence is None else silence
        return Limits(self._time_limit(), silence, self._memory(), self._workshop.preparation)

    def _time_limit(self) -> float:
        own = self._report.job.options.time_limit
        return retry_time_limit(own, self._workshop.retry_time_limit) if self._report.tally.crashes else own

    def _memory(self) -> MemoryLimit:
        return self._workshop.memory_gpuhigh if self._report.queue == _GPUHIGH else self._workshop.memory

    def _request(self, workspace: Workspace) -> Mapping[str, Any]:
        job, report = self._report.job, self._report
        options = job.options
        inputs = self._workshop.share.folder(job.inputs_of or job.id)
        outputs = self._workshop.share.folder(job.outputs_of or job.id)
        # A sub-task without folders of its own has those of the job that started it.
        has_folder = (job.outputs_of is not None or not options.compute_only) and outputs.exists()
        script = self._script(inputs)
        context = {
            **json.loads(job.context),
            "script": str(script),
            "data": job.input_file,
            "root_file": options.root_file,
            "entrypoint": options.entrypoint,
            "params": json.loads(job.params),
            "compute_only": options.compute_only,
            "raw": options.raw,
            "tmp": False,
            "is_local": False,
            "time_request": datetime.fromtimestamp(job.submitted, timezone.utc).isoformat(),
            "task_id": job.id,
            "time_limit": self._time_limit(),
            "queue": report.queue,
            "retry": report.retries,
            "input_dir": str(inputs.inputs) if has_folder else None,
            "input_file": str(inputs.input(job.input_file)) if job.input_file else None,
            "output_dir": str(outputs.outputs) if has_folder else None,
            "shadow": None,
        }
        if job.input_files:
            context["input_files"] = [str(inputs.input(name)) for name in job.input_files]
        seen = glance(script)
        trace = job.trace.to_environment() if job.trace else {}
        request = AttemptRequest(context, workspace.path, seen.text, options.input_url, seen.is_plain, trace)
        return request.to_message()

    def _script(self, folder: JobFolder) -> Path:
        job = self._report.job
        if is_chore(job.process):
            return chore_path(job.process)
        return folder.input(job.script) if job.script else self._workshop.catalog.path(job.process)
