"""The command `batch`: a process or a script over a folder of files."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixyz_scheduler.cli import exits, options, render
from pixyz_scheduler.cli.batch.view import Table, Tally
from pixyz_scheduler.cli.connection import Where, where

if TYPE_CHECKING:
    # Importing httpx costs 130 ms that --help need not pay.
    from pixyz_scheduler.cli.batch.journal import Journal
    from pixyz_scheduler.cli.batch.work import Work

_MOST_AT_ONCE = 32


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("batch", epilog="Example: pixyz-scheduler batch 'parts/*.step' -n convert_file -o out")(batch)


def batch(  # noqa: PLR0913  (a command's options are its arguments)
    context: typer.Context,
    *,
    patterns: Annotated[
        list[str], typer.Argument(metavar="PATTERN...", help="Files, folders, or patterns in quotes: 'parts/**/*.step'")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FOLDER", file_okay=False, help="The folder for the files and the journal."
        ),
    ],
    process: Annotated[
        str | None, typer.Option("-n", "--process", metavar="PROCESS", help="The process; `list` shows them.")
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option("-s", "--script", metavar="SCRIPT", exists=True, dir_okay=False, help="Or your Python file."),
    ] = None,
    params: options.Params = None,
    entrypoint: options.Entrypoint = None,
    queue: options.Queue = None,
    time_limit: options.TimeLimit = None,
    cache: Annotated[
        bool | None,
        typer.Option(
            "--cache/--no-cache",
            show_default=False,
            help="The outputs of an earlier job that did the same work will do. Default: yes for a process",
        ),
    ] = None,
    deduplicate: options.Deduplicate = False,
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            metavar="N",
            show_default=False,
            min=1,
            max=_MOST_AT_ONCE,
            help="So many at once. Default: 8",
        ),
    ] = 8,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over files that are there and not from this batch.")
    ] = False,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Convert a folder. Run a process or a script on each of many files, and fetch what it makes.

    Run it again to do what failed, what is new and what was interrupted; what is done is skipped.
    """
    if (process is None) == (script is None):
        raise typer.BadParameter("give one of the two", param_hint="'-n' / '-s'")
    from pixyz_scheduler.cli.batch.inputs import find
    from pixyz_scheduler.cli.batch.journal import Journal
    from pixyz_scheduler.cli.batch.work import Work

    work = Work(
        process=process,
        script=script,
        params=options.params(params),
        entrypoint=entrypoint,
        queue=queue,
        time_limit=options.seconds(time_limit, "-l"),
        # A process makes the same of the same; whether a script does, it says itself.
        cache=True if cache is None and process is not None else cache,
        deduplicate=deduplicate,
    )
    place = where(context, token)
    if not any(True for _ in find(patterns, outside=output)):
        raise typer.BadParameter(f"no file matches {' '.join(patterns)}", param_hint="'PATTERN...'")
    with Journal.open(output) as journal:
        total = journal.take_in(find(patterns, outside=output))
        view = Tally(total, as_json=as_json) if as_json or not render.is_live() else Table(total)
        _run(place, journal, work, view, at_once=concurrency, overwrite=overwrite)
    raise typer.Exit(exits.BY_STATUS["FAILURE"] if view.counts["failed"] else 0)


def _run(place: Where, journal: "Journal", work: "Work", view: Tally, *, at_once: int, overwrite: bool) -> None:
    """Run it to its end, or to Ctrl-C; either way say how it went."""
    import asyncio  # lazy: with the client it costs 200 ms that --help need not pay

    from pixyz_scheduler.cli.batch.run import Batch
    from pixyz_scheduler.client import AsyncSchedulerClient
    from pixyz_scheduler.errors import UnknownProcess

    async def story() -> None:
        async with AsyncSchedulerClient(place.url, place.token) as scheduler:
            names = await scheduler.processes()
            if work.process is not None and work.process not in names:
                raise UnknownProcess(f"No process is named {work.process}. There are: {', '.join(names)}.")
            await Batch(scheduler, journal, work, view, overwrite=overwrite).run(at_once=min(at_once, view.total))

    try:
        with view.live() if isinstance(view, Table) else nullcontext():
            asyncio.run(story())
    except KeyboardInterrupt as error:
        view.say(f"{view.summary()}. What was sent goes on at the scheduler; the same command again takes it up.")
        raise typer.Exit(exits.INTERRUPTED) from error
    finally:
        if view.as_json:
            render.as_json_line({"summary": {"total": view.total, "left": view.left, **view.counts}})
    again = " The same command again does what failed." if view.counts["failed"] else ""
    view.say(f"{view.summary()}.{again}")
