"""Follows jobs for a command: progress on the screen, the end as an exit status."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import typer

from pixyz_scheduler.cli import exits, job_view, progress, render
from pixyz_scheduler.cli.connection import Where

if TYPE_CHECKING:
    # Importing httpx costs 130 ms that --help need not pay.
    from pixyz_scheduler.client import JobDetails, SchedulerClient, StillWorking


def follow(
    scheduler: "SchedulerClient", job: str, *, timeout: float | None, quiet: bool, comes_back: bool = False
) -> "JobDetails":
    """Wait for the job's end, or leave it to itself: after `timeout` seconds, or at Ctrl-C.

    `comes_back` says that the same command, given again, takes the job up.
    """
    from pixyz_scheduler.client import StillWorking
    from pixyz_scheduler.errors import Unavailable

    again = "the same command again takes it up" if comes_back else f"pixyz-scheduler status -j {job} -w"
    try:
        with progress.of_jobs(quiet=quiet) as show:
            return scheduler.wait(job, on_change=show, timeout=timeout, on_away=_away)
    except StillWorking as error:
        render.error(error)
        raise typer.Exit(exits.exit_status(error.status)) from error
    except Unavailable as error:
        render.error(error)
        render.note(f"The job is not lost. Follow it again: {again}")
        raise typer.Exit(exits.REFUSED) from error
    except KeyboardInterrupt as error:
        render.note(f"The job goes on. Follow it: {again}; end it: pixyz-scheduler cancel -j {job}")
        raise typer.Exit(exits.INTERRUPTED) from error


def follow_all(
    place: Where,
    jobs: list[str],
    *,
    timeout: float | None,
    quiet: bool,
    on_end: Callable[["JobDetails"], None],
) -> list["JobDetails | StillWorking"]:
    """Wait for the ends of all jobs at once; in their order, how each ended, or that it is still working."""
    import asyncio  # lazy: with the client it costs 200 ms that --help need not pay

    from pixyz_scheduler.client import AsyncSchedulerClient, StillWorking
    from pixyz_scheduler.errors import Unavailable

    async def story(show: Callable[["JobDetails"], None]) -> list["JobDetails | StillWorking"]:
        async with AsyncSchedulerClient(place.url, place.token) as scheduler:
            away = _told_once(_away)

            async def one(job: str) -> "JobDetails | StillWorking":
                try:
                    ended = await scheduler.wait(job, on_change=show, timeout=timeout, on_away=away)
                except StillWorking as error:
                    return error
                on_end(ended)
                return ended

            return await asyncio.gather(*(one(job) for job in jobs))

    try:
        with progress.of_jobs(quiet=quiet, several=len(jobs) > 1) as show:
            return asyncio.run(story(show))
    except Unavailable as error:
        render.error(error)
        render.note("The jobs are not lost. Wait for them again with the same command.")
        raise typer.Exit(exits.REFUSED) from error
    except KeyboardInterrupt as error:
        render.note("The jobs go on. Wait for them again with the same command.")
        raise typer.Exit(exits.INTERRUPTED) from error


def _away(reason: Exception) -> None:
    from pixyz_scheduler.client.waiting import PATIENCE

    render.note(f"{reason} Asking again for {PATIENCE:g} s.")


def _told_once(tell: Callable[[Exception], None]) -> Callable[[Exception], None]:
    told: set[str] = set()

    def tell_new(reason: Exception) -> None:
        if str(reason) not in told:
            tell(reason)
        told.add(str(reason))

    return tell_new


def show_end(ended: "JobDetails", *, as_json: bool) -> None:
    """Show how a job ended; why it failed goes to stderr."""
    if as_json:
        render.as_json(ended.raw)
        return
    job_view.state(ended)
    show_error(ended, after_its_row=True)


def show_error(ended: "JobDetails", *, after_its_row: bool = False) -> None:
    """Tell why a job failed, on stderr; nothing that its row of `job_view.state` has told."""
    if ended.succeeded:
        return
    told = job_view.failure(ended)
    if not (after_its_row and list(told) == [ended.reason]):
        for text in told:
            render.note(text)


def show_reason(end: "JobDetails | StillWorking") -> None:
    """Of several jobs: why this one did not succeed, in one line on stderr."""
    if isinstance(end, Exception):
        render.error(end)
    elif not end.succeeded:
        render.note(f"{end.uuid}: {end.reason or f'The job ended as {end.status}.'}")


def told(end: "JobDetails | StillWorking") -> Mapping[str, object]:
    """For programs: the server's word on a job that has ended, else what is known of it."""
    return {"uuid": end.job_id, "status": end.status} if isinstance(end, Exception) else end.raw


def status_of(end: "JobDetails | StillWorking") -> int:
    """The exit status that tells how a job ended, or where it stands."""
    return exits.exit_status(end.status)


def exit_status(ended: "JobDetails") -> int:
    """The exit status that tells how the job ended."""
    return exits.exit_status(ended.status)
