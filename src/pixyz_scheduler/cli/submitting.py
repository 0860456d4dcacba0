"""The commands that start work: exec, process."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixyz_scheduler.cli import job_view, options, progress, render, waiting
from pixyz_scheduler.cli.connection import connect

if TYPE_CHECKING:
    # Importing httpx costs 130 ms that --help need not pay.
    from pixyz_scheduler.client import JobDetails, JobState, SchedulerClient


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("exec", epilog='Example: pixyz-scheduler exec -s hello.py -p \'{"name": "you"}\' -rw')(run_script)
    app.command(
        "process",
        epilog='Example: pixyz-scheduler process -n convert_file -i wheel.step -p \'{"extension": "glb"}\' -w',
    )(run_process)


@dataclass(frozen=True, kw_only=True)
class Following:
    """What is shown of a job that was sent."""

    wait: bool
    result: bool
    batch: bool
    as_json: bool
    timeout: float | None

    @property
    def waits(self) -> bool:
        """Whether the job's end is wanted: a result is only there at the end."""
        return self.wait or self.result

    @property
    def quiet(self) -> bool:
        """Whether no progress is wanted."""
        return self.batch or self.as_json


def run_script(  # noqa: PLR0913  (a command's options are its arguments)
    context: typer.Context,
    *,
    script: Annotated[
        Path, typer.Option("-s", "--script", metavar="SCRIPT", exists=True, dir_okay=False, help="Your Python file.")
    ],
    file: options.Inputs = None,
    params: options.Params = None,
    entrypoint: options.Entrypoint = None,
    queue: options.Queue = None,
    time_limit: options.TimeLimit = None,
    cache: options.Cache = None,
    deduplicate: options.Deduplicate = False,
    wait: options.Wait = False,
    result: options.ShowResult = False,
    name: options.Name = None,
    batch: options.Batch = False,
    timeout: options.Timeout = None,
    idempotency_key: options.IdempotencyKey = None,
    config: options.Config = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Run a Python script of yours. With -i FILE as its input, if it needs one."""
    following = Following(
        wait=wait,
        result=result,
        batch=batch,
        as_json=as_json,
        timeout=options.patience(timeout, waits=wait or result),
    )
    fields = {
        **options.config(config),
        "script": script,
        "params": options.params(params),
        "name": name,
        "idempotency_key": options.idempotency_key(idempotency_key),
        **_given(entrypoint=entrypoint, queue=queue, time_limit=options.seconds(time_limit, "-l"), cache=cache),
        **_given(deduplicate=deduplicate or None),
    }
    with connect(context, token) as scheduler:
        _follow(scheduler, _submit(scheduler, file, following, fields), following)


def run_process(  # noqa: PLR0913  (a command's options are its arguments)
    context: typer.Context,
    *,
    process: Annotated[str, typer.Option("-n", "--process", metavar="PROCESS", help="The process; `list` shows them.")],
    file: options.Inputs = None,
    params: options.Params = None,
    entrypoint: options.Entrypoint = None,
    queue: options.Queue = None,
    time_limit: options.TimeLimit = None,
    cache: options.Cache = None,
    deduplicate: options.Deduplicate = False,
    wait: options.Wait = False,
    result: options.ShowResult = False,
    name: options.Name = None,
    batch: options.Batch = False,
    timeout: options.Timeout = None,
    idempotency_key: options.IdempotencyKey = None,
    config: options.Config = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Run a process, as `list` shows them. With -i FILE as its input, if it needs one."""
    following = Following(
        wait=wait,
        result=result,
        batch=batch,
        as_json=as_json,
        timeout=options.patience(timeout, waits=wait or result),
    )
    fields = {
        **options.config(config),
        "process": process,
        "params": options.params(params),
        "name": name,
        "idempotency_key": options.idempotency_key(idempotency_key),
        **_given(entrypoint=entrypoint, queue=queue, time_limit=options.seconds(time_limit, "-l"), cache=cache),
        **_given(deduplicate=deduplicate or None),
    }
    with connect(context, token) as scheduler:
        _follow(scheduler, _submit(scheduler, file, following, fields), following)


def _given(**settings: object) -> dict[str, object]:
    return {name: value for name, value in settings.items() if value is not None}


def _submit(
    scheduler: "SchedulerClient",
    files: list[Path] | None,
    following: Following,
    fields: Mapping[str, Any],
) -> "JobState":
    names = ", ".join(path.name for path in files or ())
    with progress.of_file(names, quiet=following.quiet or not files, going=True) as show:
        return scheduler.submit(file=files or None, on_bytes=show if files else None, **fields)


def _follow(scheduler: "SchedulerClient", job: "JobState", following: Following) -> None:
    if following.batch:
        render.line(job.uuid)
    if not following.as_json:
        render.warnings(job.raw.get("warnings"))
    if not following.waits:
        if following.as_json:
            render.as_json(job.raw)
        elif not following.batch:
            job_view.sent(job)
        return
    ended = waiting.follow(scheduler, job.uuid, timeout=following.timeout, quiet=following.quiet)
    _show_end(ended, following)
    raise typer.Exit(waiting.exit_status(ended))


def _show_end(ended: "JobDetails", following: Following) -> None:
    if following.as_json:
        render.as_json(ended.raw)
        return
    shows_row = not (following.result or following.batch)
    if following.result and ended.succeeded:
        render.as_json(ended.result)
    if shows_row:
        job_view.state(ended)
        job_view.next_steps(ended)
    waiting.show_error(ended, after_its_row=shows_row)
