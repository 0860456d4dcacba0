"""Aftermath: what the end of a job brings about for others: those that waited for it begin, or end with it."""

import json
import logging
from collections.abc import Callable

from pixyz_scheduler.broker.dispatch import Dispatch
from pixyz_scheduler.broker.done_work import OUTPUTS
from pixyz_scheduler.broker.families import Families
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import JobNotFound, RecordError, StorageFull, StoreUnavailable, Unavailable, UnsafePath
from pixyz_scheduler.jobs import family
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.workflow import jobs_in
from pixyz_scheduler.logs import about_job
from pixyz_scheduler.storage.archive import manifest
from pixyz_scheduler.storage.results import Results

_log = logging.getLogger(__name__)


class Aftermath:
    """Carries out what ends have brought about. What nobody does here, the next sweep finds.

    Args:
        records: the store.
        families: what it says of jobs together.
        dispatch: rings.
        ended: told of each job that is ended here.
        results: where large ones are kept; None leaves them in the records.
    """

    def __init__(
        self,
        records: RecordStore,
        families: Families,
        dispatch: Dispatch,
        *,
        ended: Callable[[JobId], None] = lambda _: None,
        results: Results | None = None,
    ) -> None:
        self._records = records
        self._families = families
        self._dispatch = dispatch
        self._ended = ended
        self._results = results

    def follow(self) -> None:
        """A job has ended: see to the others, and to those that end with them. Raises StoreUnavailable."""
        more = True
        while more:
            roused = self._families.roused()
            for bell in roused.bells:
                self._dispatch.ring(bell)
            more = [job_id for job_id in roused.ripe if self.settle(job_id)] != []

    def settle(self, job_id: JobId) -> bool:
        """End a job with those that it waited for; False where it has ended. Raises StoreUnavailable."""
        with about_job(job_id):
            try:
                parent = self._records.report(job_id)
            except JobNotFound:
                return False
            if parent.awaits is None or parent.state.is_terminal:
                return False
            awaited = self._families.reports(jobs_in(parent.awaits))
            failed = self._failed_first(awaited)
            end = family.verdict(parent, awaited, failed)
            children = self._families.reports(sorted(self._families.children(job_id))[: family.MOST_STEPS])
            try:
                said = self._said(parent, awaited, failed, end.state)
            except StoreUnavailable:
                raise
            except (Unavailable, StorageFull) as error:
                # Large results lie on the share: the next sweep finds it back, or another machine has it.
                _log.warning("not ended with its sub-tasks yet: %s", error)
                return False
            except (RecordError, UnsafePath) as error:
                # It will never be there: it must not be waited for until the end of days.
                end, said = Finish(JobState.FAILURE, family.CHILD_FAILED, str(error)), {"traceback": ""}
            fields = {"progress": family.progress_of(parent, children.values()).text, **said}
            if not self._families.settle(job_id, parent.awaits, end, fields=fields):
                return False
            _log.info("ended with its sub-tasks", extra={"state": end.state.value})
            self._ended(job_id)
            return True

    def _said(
        self, parent: JobReport, awaited: family.Reports, failed: JobReport | None, state: JobState
    ) -> dict[str, str]:
        if state is not JobState.SUCCESS:
            return {"traceback": _traceback_of(failed)}
        return {**self._result(parent, awaited), **self._outputs(parent), "traceback": ""}

    def _outputs(self, parent: JobReport) -> dict[str, str]:
        """As they are now: they may answer the same work another time."""
        if self._results is None or not parent.job.options.cache:
            return {}
        return {OUTPUTS: manifest(self._results.share.folder(parent.job.id))}

    def _result(self, parent: JobReport, awaited: family.Reports) -> dict[str, str]:
        if self._results is not None:
            awaited = {job_id: self._results.filled(report) for job_id, report in awaited.items()}
        text = json.dumps(family.result_of(parent, awaited), ensure_ascii=False, separators=(",", ":"))
        name = self._results.keep(parent.job.id, text, attempt=parent.epoch) if self._results is not None else None
        return {"result": text, "result_file": ""} if name is None else {"result": "", "result_file": name}

    def _failed_first(self, awaited: family.Reports) -> JobReport | None:
        """The one that failed, where others were not run because of it."""
        failed, seen = family.first_failed(awaited.values()), set[JobId]()
        while failed is not None and failed.cause == family.UPSTREAM_FAILED and failed.job.id not in seen:
            seen.add(failed.job.id)
            failed = family.first_failed(self._families.reports(failed.job.after).values()) or failed
        return failed


def _traceback_of(failed: JobReport | None) -> str:
    """A sub-task's, under its name: all of a workflow's run functions of one script."""
    if failed is None or not failed.traceback:
        return ""
    return f"In the sub-task {failed.job.options.entrypoint}, job {failed.job.id}:\n{failed.traceback}"
