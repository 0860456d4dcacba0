"""Subtasks: what an attempt's script asks of the farm: jobs that it starts, how they stand, an end to them."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pixyz_scheduler.broker.dispatch import Dispatch
from pixyz_scheduler.broker.families import Families
from pixyz_scheduler.broker.records import Bell, RecordStore
from pixyz_scheduler.errors import BadInput, InvalidWorkflow, JobNotFound, SchedulerError, StorageFull, Unavailable
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions, merge_options, parse_job_id
from pixyz_scheduler.jobs.mirrored import sent_text
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.value import value_of
from pixyz_scheduler.jobs.workflow import Node, jobs_in, resolved, to_text
from pixyz_scheduler.storage.results import Results
from pixyz_scheduler.storage.share import Share

_log = logging.getLogger(__name__)

MOST_CHILDREN = 100_000


@dataclass(frozen=True)
class Subtasks:
    """Answers the calls of scripts; see script/farm_line.py. One for a worker.

    Args:
        records: the store.
        families: what it says of jobs together.
        dispatch: rings for what is started.
        share: where their folders are made.
        defaults: options that hold where nobody speaks.
    """

    records: RecordStore
    families: Families
    dispatch: Dispatch
    share: Share
    defaults: JobOptions

    def answer(self, parent: Job, call: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a call of this job's script is answered with."""
        said = {"type": "answer", "number": call.get("number")}
        try:
            return {**said, "value": self._do(parent, call)}
        except (StorageFull, Unavailable) as error:
            _log.warning("a call of the script's waits: %s", error)
            return {**said, "later": True}
        except SchedulerError as error:
            return {**said, "error": str(error)}

    def _do(self, parent: Job, call: Mapping[str, Any]) -> Any:
        match call:
            case {"do": "start", "nodes": list(nodes)}:
                return self._start(parent, [Node.from_wire(node) for node in nodes])
            case {"do": "look", "ids": list(ids)}:
                return self._look([parse_job_id(str(job_id)) for job_id in ids])
            case {"do": "cancel", "ids": [str(job_id)]}:
                return self._cancel(parse_job_id(job_id))
            case _:
                raise InvalidWorkflow(f"{str(call.get('do'))[:80]!r} is nothing that the farm does for a script.")

    def _start(self, parent: Job, nodes: list[Node]) -> int:
        # All are looked at before the first is started.
        jobs = [_job(parent, node, self.defaults, time.time()) for node in nodes]
        if self.families.count(parent.id) + len(jobs) > MOST_CHILDREN:
            raise InvalidWorkflow(f"A job may start {MOST_CHILDREN} others at most; chunks make fewer of many.")
        for job in jobs:
            if not job.options.compute_only:
                self.share.make_folder(job.id, sent_text(job))
            if self._is_in_line(job):
                self.dispatch.ring(Bell(job.id, job.options.queue, job.options.priority))
        return len(jobs)

    def _is_in_line(self, job: Job) -> bool:
        try:
            return self.families.start(job)
        except JobNotFound:
            # The one that starts it was removed, and nobody would come for this folder.
            self.share.folder(job.id).remove()
            raise

    def _look(self, ids: list[JobId]) -> dict[str, Any]:
        reports = self.families.reports(ids)
        results = Results(self.share)
        return {job_id: _seen(reports.get(job_id), results) for job_id in ids}

    def _cancel(self, job_id: JobId) -> str | None:
        try:
            return self.records.cancel(job_id)
        except JobNotFound:
            return None


def _job(parent: Job, node: Node, defaults: JobOptions, now: float) -> Job:
    """The job that a node describes, of the script and with the inputs of the one that starts it."""
    config = {**node.config, "entrypoint": node.entrypoint}
    try:
        options, _ = merge_options(config, node.written, defaults)
    except BadInput as error:
        raise InvalidWorkflow(f"Sub-task {node.entrypoint}: {error}") from error
    after = jobs_in(node.params)
    return Job(
        id=node.id,
        process=parent.process,
        options=options,
        submitted=now,
        params="null" if after else json.dumps(resolved(node.params, _nobody), separators=(",", ":")),
        name=parent.name,
        script=parent.script,
        input_file=parent.input_file,
        input_files=parent.input_files,
        parent=parent.id,
        root=parent.root or parent.id,
        inputs_of=parent.inputs_of or parent.id,
        outputs_of=(parent.outputs_of or parent.id) if options.compute_only else None,
        needs=to_text(node.params) if after else None,
        after=after,
        context=json.dumps(node.context, ensure_ascii=False, separators=(",", ":")),
        trace=parent.trace,
    )


def _nobody(job_id: JobId) -> Any:
    raise InvalidWorkflow(f"The result of {job_id} is not known yet.")


def _seen(report: JobReport | None, results: Results) -> dict[str, Any]:
    if report is None:
        return {"status": JobState.PENDING.value}
    if report.state is JobState.SUCCESS:
        return {"status": report.status.value, "result": value_of(results.filled(report))}
    return {"status": report.status.value, "error": report.error, "traceback": report.traceback}
