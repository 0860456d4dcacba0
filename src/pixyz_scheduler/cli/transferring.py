"""The commands that fetch a job's files: download, download_all."""

from pathlib import Path
from typing import Annotated

import typer

from pixyz_scheduler.cli import job_view, options, progress, render
from pixyz_scheduler.cli.connection import connect


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("download", epilog="Example: pixyz-scheduler download -j UUID -f output.glb -o wheel.glb")(download)
    archive = "Example: pixyz-scheduler download_all -j UUID -o everything.zip"
    app.command("download_all", epilog=archive)(download_all)
    app.command("download-all", epilog=archive, hidden=True)(download_all)


def download(
    context: typer.Context,
    *,
    job: options.Job,
    file: Annotated[str, typer.Option("-f", "--file", help="The file, as `outputs` lists it.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="PATH", help="Where to put it: a file or folder.")],
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Fetch one file of a job. Interrupted, the same command again goes on where it was."""
    job = options.job_id(job)
    with connect(context, token) as scheduler, progress.of_file(file, quiet=as_json) as show:
        saved = scheduler.download(job, file, output, on_bytes=show)
    job_view.fetched(job, [saved], as_json=as_json)


def download_all(
    context: typer.Context,
    *,
    job: options.Job,
    output: Annotated[str, typer.Option("-o", "--output", metavar="PATH", help="Where to put the zip.")],
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="Wait no longer for the job and its archive.")
    ] = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Fetch all files of a job as one zip. Waits for the job's end. Interrupted, the same command again goes on."""
    job, bound = options.job_id(job), options.seconds(timeout, "--timeout")
    with connect(context, token) as scheduler, progress.of_file(Path(output).name, quiet=as_json) as show:
        saved = scheduler.download_all(job, output, on_bytes=show, on_wait=render.note, timeout=bound)
    job_view.fetched(job, [saved], as_json=as_json)
