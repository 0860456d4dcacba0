"""Follows a job for a command: progress on the screen, the end as an exit status."""

from typing import TYPE_CHECKING

import typer

from pixyz_scheduler.cli import exits, render

if TYPE_CHECKING:
    # Importing httpx costs 130 ms that --help need not pay.
    from pixyz_scheduler.client import JobDetails, SchedulerClient


def follow(scheduler: "SchedulerClient", job: str, *, timeout: float | None, quiet: bool) -> "JobDetails":
    """Wait for the job's end, or leave it to itself: after `timeout` seconds, or at Ctrl-C."""
    from pixyz_scheduler.client import StillWorking
    from pixyz_scheduler.errors import Unavailable

    try:
        with render.job_progress(quiet=quiet) as show:
            return scheduler.wait(job, on_change=show, timeout=timeout, on_away=_away)
    except StillWorking as error:
        render.error(error)
        raise typer.Exit(exits.exit_status(error.status)) from error
    except Unavailable as error:
        render.error(error)
        render.note(f"The job is not lost. Follow it again: pixyz-scheduler status -j {job} -w")
        raise typer.Exit(exits.REFUSED) from error
    except KeyboardInterrupt as error:
        render.note(f"The job goes on. Follow it: pixyz-scheduler status -j {job} -w; end it: cancel -j {job}")
        raise typer.Exit(exits.INTERRUPTED) from error


def _away(reason: Exception) -> None:
    from pixyz_scheduler.client.waiting import PATIENCE

    render.note(f"{reason} Asking again for {PATIENCE:g} s.")


def show_end(ended: "JobDetails", *, as_json: bool) -> None:
    """Show how a job ended; why it failed goes to stderr."""
    if as_json:
        render.as_json(ended.raw)
        return
    render.state(ended)
    show_error(ended)


def show_error(ended: "JobDetails") -> None:
    """Tell why a job failed, on stderr."""
    if not ended.succeeded:
        render.note(ended.error or f"The job ended as {ended.status}.")


def exit_status(ended: "JobDetails") -> int:
    """The exit status that tells how the job ended."""
    return exits.exit_status(ended.status)
