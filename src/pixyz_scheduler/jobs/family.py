"""Family: how a job ends that waits for others. Pure; the store applies the answer."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.progress import Progress
from pixyz_scheduler.jobs.report import JobReport
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.steps import UNFINISHED, Step
from pixyz_scheduler.jobs.value import value_of
from pixyz_scheduler.jobs.workflow import jobs_in, resolved

Reports = Mapping[JobId, JobReport]

UPSTREAM_FAILED, CHILD_FAILED = "upstream_failed", "child_failed"
MOST_STEPS = 1000
"""Steps that sub-tasks add to the progress of a job that waits for them; nobody need read more of them."""


def verdict(parent: JobReport, awaited: Reports, failed: JobReport | None) -> Finish:
    """How a job ends with those that it waits for.

    Args:
        parent: it.
        awaited: those of the others that there are. Where all is well with those that have ended, and some have not,
            its time has run out.
        failed: the one that failed, because of which others may not have been run.
    """
    ids = jobs_in(parent.awaits or {})
    missing = [job_id for job_id in ids if job_id not in awaited]
    if missing:
        return Finish(JobState.FAILURE, CHILD_FAILED, f"The sub-task {missing[0]} is gone.")
    if failed is not None:
        return Finish(JobState.FAILURE, CHILD_FAILED, _of_a_child(failed))
    left = [job_id for job_id in ids if awaited[job_id].state is not JobState.SUCCESS]
    if left:
        limit = parent.job.options.time_limit
        what = f"{len(left)} sub-tasks have" if len(left) > 1 else f"the sub-task {left[0]} has"
        return Finish(JobState.FAILURE, "timeout", f"Task process timeout: {what} not ended within {limit:g} s.")
    return Finish(JobState.SUCCESS)


def first_failed(reports: Iterable[JobReport]) -> JobReport | None:
    """The first that has ended, and not well; one that failed itself before one that was not run because of it."""
    failed = [report for report in reports if report.state.is_terminal and report.state is not JobState.SUCCESS]
    return min(failed, key=lambda report: report.cause == UPSTREAM_FAILED, default=None)


def result_of(parent: JobReport, awaited: Reports) -> Any:
    """What a job ends with that ends well."""
    return resolved(parent.awaits or {}, lambda job_id: value_of(awaited[job_id]))


def progress_of(parent: JobReport, children: Iterable[JobReport]) -> Progress:
    """A job's own progress, and a step for each of those that it has started, in the order in which they began."""
    begun = sorted((child for child in children if child.started is not None), key=lambda child: child.started or 0.0)
    steps = tuple(_step(child) for child in begun[:MOST_STEPS])
    return replace(parent.progress, total=None, steps=(*parent.progress.steps, *steps))


def _step(child: JobReport) -> Step:
    began = child.started or 0.0
    duration = UNFINISHED if child.stopped is None else max(0.0, child.stopped - began)
    return Step(f"{child.job.options.entrypoint} {child.job.id[:8]}", began, duration)


def _of_a_child(failed: JobReport) -> str:
    return f"{failed.error} (sub-task {failed.job.options.entrypoint}, job {failed.job.id})"
