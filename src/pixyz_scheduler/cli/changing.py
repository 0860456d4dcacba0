"""The commands that change a job that is there: cancel, retry, delete."""

from typing import TYPE_CHECKING

import typer

from pixyz_scheduler.cli import job_view, options, render
from pixyz_scheduler.cli.connection import connect

if TYPE_CHECKING:
    from pixyz_scheduler.client import JobState


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("cancel", epilog="Example: pixyz-scheduler cancel -j UUID")(cancel_job)
    app.command("retry", epilog="Example: pixyz-scheduler retry -j UUID")(retry_job)
    app.command("delete", epilog="Example: pixyz-scheduler delete -j UUID")(delete_job)


def cancel_job(
    context: typer.Context, *, job: options.Job, token: options.Token = None, as_json: options.AsJson = False
) -> None:
    """End a job. A waiting one ends at once, a running one within seconds."""
    job = options.job_id(job)
    with connect(context, token) as scheduler:
        state = scheduler.cancel(job)
    _show(state, as_json=as_json)
    if not state.ended:
        render.note(f"It is being stopped. See its end: pixyz-scheduler status -j {job} -w")


def retry_job(
    context: typer.Context, *, job: options.Job, token: options.Token = None, as_json: options.AsJson = False
) -> None:
    """Run a job that has ended once more, with the same inputs."""
    job = options.job_id(job)
    with connect(context, token) as scheduler:
        _show(scheduler.retry(job), as_json=as_json)


def delete_job(
    context: typer.Context, *, job: options.Job, token: options.Token = None, as_json: options.AsJson = False
) -> None:
    """Remove a job, its files and all that is known of it. One that runs is stopped first."""
    job = options.job_id(job)
    with connect(context, token) as scheduler:
        gone = scheduler.delete(job)
    if as_json:
        render.as_json({"uuid": job, "gone": gone})
    elif not gone:
        render.note("It is being stopped, and goes then.")


def _show(state: "JobState", *, as_json: bool) -> None:
    if as_json:
        render.as_json(state.raw)
    else:
        job_view.state(state)
