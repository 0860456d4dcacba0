"""The commands that only look: version, list, doc, jobs, status, wait, details, outputs."""

from typing import TYPE_CHECKING, Annotated

import typer

from pixyz_scheduler import __version__
from pixyz_scheduler.cli import job_view, options, render, waiting
from pixyz_scheduler.cli.connection import connect, where

if TYPE_CHECKING:
    # Importing httpx costs 130 ms that --help need not pay.
    from pixyz_scheduler.client import JobDetails


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("version", epilog="Example: pixyz-scheduler -u http://farm:8001 version")(show_version)
    app.command("list", epilog="Example: pixyz-scheduler list -t KEY")(list_processes)
    app.command("doc", epilog="Example: pixyz-scheduler doc -n convert_file")(show_doc)
    app.command("jobs", epilog="Example: pixyz-scheduler jobs --status FAILURE --limit 20")(list_jobs)
    app.command("status", epilog="Example: pixyz-scheduler status -j UUID -w")(show_status)
    app.command("wait", epilog="Example: pixyz-scheduler wait -j UUID -j ANOTHER")(wait_for)
    app.command("details", epilog="Example: pixyz-scheduler details -j UUID --json")(show_details)
    app.command("outputs", epilog="Example: pixyz-scheduler outputs -j UUID")(list_outputs)


def show_version(context: typer.Context, *, token: options.Token = None, as_json: options.AsJson = False) -> None:
    """Show the versions of this program and of the scheduler."""
    if not as_json:
        render.line(f"pixyz-scheduler {__version__}")
    with connect(context, token) as scheduler:
        server = scheduler.version()
        if as_json:
            render.as_json({"client": __version__, "server": server, "url": scheduler.url})
        else:
            render.line(f"scheduler {server} at {scheduler.url}")


def list_processes(context: typer.Context, *, token: options.Token = None, as_json: options.AsJson = False) -> None:
    """List the processes that the scheduler offers."""
    with connect(context, token) as scheduler:
        names = scheduler.processes()
    if as_json:
        render.as_json({"processes": names})
    else:
        render.lines(names)


def show_doc(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Option("-n", "--name", metavar="PROCESS", help="The process.")],
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what a process does and which parameters it takes."""
    with connect(context, token) as scheduler:
        doc = scheduler.process_doc(name)
    if as_json:
        render.as_json({"doc": doc})
    else:
        render.line(doc)


def list_jobs(  # noqa: PLR0913  (one an option)
    context: typer.Context,
    *,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, show_default=False, help="Show at most so many. Default: 100")
    ] = 100,
    status: Annotated[str | None, typer.Option("--status", metavar="STATUS", help="Only jobs of this status.")] = None,
    name: Annotated[str | None, typer.Option("-a", "--name", metavar="NAME", help="Only jobs of this name.")] = None,
    queue: Annotated[
        str | None, typer.Option("-q", "--queue", metavar="QUEUE", help="Only jobs of this queue.")
    ] = None,
    parent: Annotated[
        str | None,
        typer.Option(
            "--parent", metavar="UUID|none", help="Only sub-tasks of this job; none: only jobs that users sent."
        ),
    ] = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """List the jobs, newest first. In a pipe: uuid, status, progress, name, error, parted by tabs."""
    with connect(context, token) as scheduler:
        jobs = scheduler.jobs(limit=limit, status=status and status.upper(), name=name, queue=queue, parent=parent)
    if as_json:
        render.as_json({"jobs": [job.raw for job in jobs]})
    else:
        job_view.jobs(jobs)


def show_status(
    context: typer.Context,
    *,
    job: options.Job,
    wait: options.Wait = False,
    timeout: options.Timeout = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Show where a job stands; with -w, follow it to its end."""
    job, bound = options.job_id(job), options.patience(timeout, waits=wait)
    with connect(context, token) as scheduler:
        if wait:
            ended = waiting.follow(scheduler, job, timeout=bound, quiet=as_json)
            waiting.show_end(ended, as_json=as_json)
            raise typer.Exit(waiting.exit_status(ended))
        state = scheduler.status(job)
    if as_json:
        render.as_json(state.raw)
    else:
        job_view.state(state)


def wait_for(
    context: typer.Context,
    *,
    job: options.Jobs,
    timeout: options.WaitTimeout = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Wait for jobs to end. The exit status tells of the first of them that did not succeed."""
    jobs = list(dict.fromkeys(options.job_id(each) for each in job))
    bound = options.seconds(timeout, "--timeout")

    def show(ended: "JobDetails") -> None:
        if not as_json:
            job_view.state(ended)

    ends = waiting.follow_all(where(context, token), jobs, timeout=bound, quiet=as_json, on_end=show)
    if as_json:
        render.as_json({"jobs": [waiting.told(end) for end in ends]})
    for end in ends:
        if not as_json:
            waiting.show_reason(end)
    raise typer.Exit(next((status for status in map(waiting.status_of, ends) if status), 0))


def show_details(
    context: typer.Context, *, job: options.Job, token: options.Token = None, as_json: options.AsJson = False
) -> None:
    """Show all of a job: times, steps, result, traceback."""
    job = options.job_id(job)
    with connect(context, token) as scheduler:
        details = scheduler.details(job)
    if as_json:
        render.as_json(details.raw)
    else:
        job_view.details(details)


def list_outputs(
    context: typer.Context, *, job: options.Job, token: options.Token = None, as_json: options.AsJson = False
) -> None:
    """List the files that a job has made."""
    job = options.job_id(job)
    with connect(context, token) as scheduler:
        paths = scheduler.outputs(job)
        started = () if paths or as_json else scheduler.details(job).children
    if as_json:
        render.as_json({"outputs": paths})
        return
    render.lines(paths)
    if not paths:
        job_view.no_outputs(job, started=len(started))
