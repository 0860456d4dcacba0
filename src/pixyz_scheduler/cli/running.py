"""The command that runs one job and fetches its files: on a scheduler that is there, else on one of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixyz_scheduler import extras
from pixyz_scheduler.cli import options, progress, render, server, waiting
from pixyz_scheduler.cli.connection import Globals, connect

if TYPE_CHECKING:
    # Importing httpx costs 130 ms that --help need not pay.
    from pixyz_scheduler.client import JobDetails, SchedulerClient


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "run", epilog='Example: pixyz-scheduler run convert_file wheel.step -p \'{"extension": "glb"}\' -o out'
    )(run)


def run(  # noqa: PLR0913  (each is an option)
    context: typer.Context,
    *,
    what: Annotated[str, typer.Argument(metavar="PROCESS|SCRIPT.py", help="A process's name, or your Python file.")],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The input, if it needs one.")
    ] = None,
    input_file: Annotated[
        Path | None,
        typer.Option("-i", "--input", metavar="FILE", exists=True, dir_okay=False, help="The input, said in this way."),
    ] = None,
    params: options.Params = None,
    entrypoint: options.Entrypoint = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FOLDER",
            file_okay=False,
            help="Where the outputs go. Default: here; with --local, WHAT-outputs.",
        ),
    ] = None,
    local: Annotated[
        bool,
        typer.Option("--local", help="In this process, with no scheduler: a debugger and breakpoint() work."),
    ] = False,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Run one job and fetch its files. On the scheduler that PIXYZ_URL or -u names, else on one of its own."""
    given = options.params(params)
    script = Path(what) if what.endswith(".py") else None
    if script is not None and not script.is_file():
        raise typer.BadParameter(f"there is no file {what}", param_hint="'PROCESS|SCRIPT.py'")
    file = file or input_file
    if local:
        server.run_here(what, entrypoint=entrypoint, params=given, file=file, output=output)
        return
    with _scheduler_for(context, token) as scheduler:
        source = {"script": script} if script is not None else {"process": what}
        name = file.name if file else Path(what).name
        job = scheduler.submit(file=file, params=given, name=name, entrypoint=entrypoint, **source)
        ended = waiting.follow(scheduler, job.uuid, timeout=None, quiet=as_json)
        saved = _fetch_outputs(scheduler, ended, output or Path(), quiet=as_json)
    if as_json:
        render.as_json({**ended.raw, "files": [str(path) for path in saved]})
        raise typer.Exit(waiting.exit_status(ended))
    waiting.show_end(ended, as_json=False)
    if ended.succeeded and ended.result is not None:
        render.as_json(ended.result)
    raise typer.Exit(waiting.exit_status(ended))


def _fetch_outputs(
    scheduler: "SchedulerClient", ended: "JobDetails", folder: Path, *, quiet: bool = False
) -> list[Path]:
    """Download all outputs of a job into a folder; where they lie now."""
    saved = []
    for path in scheduler.outputs(ended):
        with progress.of_file(path, quiet=quiet) as show:
            saved.append(scheduler.download(ended, path, folder / path, on_bytes=show))
        if not quiet:
            render.saved(saved[-1])
    return saved


@contextmanager
def _scheduler_for(context: typer.Context, token: str | None) -> Iterator["SchedulerClient"]:
    given = context.find_object(Globals) or Globals()
    if given.url is not None:
        with connect(context, token) as scheduler:
            yield scheduler
        return
    extras.require("server", whose="A scheduler of one's own", install=extras.EVERYTHING_HERE)
    import tempfile  # lazy: 2 ms that --help need not pay

    from pixyz_scheduler.client import SchedulerClient

    with tempfile.TemporaryDirectory(prefix="pixyz-run-") as folder:
        render.note("Starting a scheduler for this job ...")
        with server.own_stack(Path(folder)) as (stack, key), SchedulerClient(stack.plan.url, key) as scheduler:
            yield scheduler
