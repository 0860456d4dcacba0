"""The commands that end with the wanted file on the user's disk: convert, thumbnails, metadata."""

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from pixyz_scheduler.cli import options, render, waiting
from pixyz_scheduler.cli.companions import WITH_COMPANIONS
from pixyz_scheduler.cli.connection import connect
from pixyz_scheduler.errors import OutputNotFound

if TYPE_CHECKING:
    # Importing httpx costs 130 ms that --help need not pay.
    from pixyz_scheduler.client import JobDetails, SchedulerClient


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("convert", epilog="Example: pixyz-scheduler convert -i wheel.step -o wheel.glb")(convert)
    app.command("thumbnails", epilog="Example: pixyz-scheduler thumbnails -i wheel.step -o pictures")(thumbnails)
    app.command("metadata", epilog="Example: pixyz-scheduler metadata -i wheel.step -o wheel.json")(metadata)


def convert(
    context: typer.Context,
    *,
    file: options.Input,
    output: Annotated[
        Path, typer.Option("-o", "--output", dir_okay=False, help="The file to make; its end says the format.")
    ],
    params: options.Params = None,
    token: options.Token = None,
) -> None:
    """Convert a 3D file to another format."""
    extension = output.suffix.removeprefix(".").lower()
    if not extension:
        raise typer.BadParameter("the format is not clear: end the name like wheel.glb", param_hint="'-o'")
    given = options.params(params) or {}
    # Who names several formats by himself gets them; which of them is wanted here is in the name of the output.
    wanted = given if "extensions" in given else {"extension": extension, **given}
    with connect(context, token) as scheduler:
        ended = _run(scheduler, "convert_file", file, wanted)
        outputs = scheduler.outputs(ended)
        main = _choose(outputs, ended, f".{extension}")
        _fetch(scheduler, ended, main, output)
        if extension in WITH_COMPANIONS:
            for path in outputs:
                if path != main:
                    _fetch(scheduler, ended, path, output.parent / path)


def thumbnails(
    context: typer.Context,
    *,
    file: options.Input,
    output: Annotated[Path, typer.Option("-o", "--output", file_okay=False, help="The folder for the pictures.")],
    params: options.Params = None,
    token: options.Token = None,
) -> None:
    """Draw pictures of a 3D file."""
    wanted = options.params(params)
    with connect(context, token) as scheduler:
        ended = _run(scheduler, "generate_thumbnails", file, wanted)
        outputs = scheduler.outputs(ended)
        if not outputs:
            raise _nothing(ended, "pictures", outputs)
        for path in outputs:
            _fetch(scheduler, ended, path, output / path)


def metadata(
    context: typer.Context,
    *,
    file: options.Input,
    output: Annotated[Path, typer.Option("-o", "--output", dir_okay=False, help="The JSON file to make.")],
    params: options.Params = None,
    token: options.Token = None,
) -> None:
    """Measure a 3D file: size, parts, triangles, materials. And what it says of itself."""
    wanted = options.params(params)
    with connect(context, token) as scheduler:
        ended = _run(scheduler, "generate_metadata", file, wanted)
        _fetch(scheduler, ended, _choose(scheduler.outputs(ended), ended, ".json"), output)


def _run(scheduler: "SchedulerClient", process: str, file: Path, params: dict[str, object] | None) -> "JobDetails":
    job = scheduler.submit(process=process, file=file, params=params, name=file.name)
    ended = waiting.follow(scheduler, job.uuid, timeout=None, quiet=False)
    if not ended.succeeded:
        waiting.show_error(ended)
        raise typer.Exit(waiting.exit_status(ended))
    if isinstance(ended.result, dict):
        render.warnings(ended.result.get("warnings"))
    return ended


def _choose(outputs: tuple[str, ...], ended: "JobDetails", suffix: str) -> str:
    """The file that was asked for: the one the result names, else the first of the right kind, outermost first."""
    named = ended.result.get("output") if isinstance(ended.result, dict) else None
    if isinstance(named, str) and named in outputs and PurePosixPath(named).suffix.lower() == suffix:
        return named
    fitting = [path for path in outputs if PurePosixPath(path).suffix.lower() == suffix]
    if not fitting:
        raise _nothing(ended, f"{suffix} file", outputs)
    return min(fitting, key=lambda path: path.count("/"))


def _nothing(ended: "JobDetails", wanted: str, outputs: tuple[str, ...]) -> OutputNotFound:
    made = ", ".join(outputs) or "no file at all"
    return OutputNotFound(f"Job {ended.uuid} succeeded but made no {wanted}; it made {made}.")


def _fetch(scheduler: "SchedulerClient", ended: "JobDetails", path: str, to: Path) -> None:
    # `download` refuses a path that leaves the job's outputs, so a bad server cannot write elsewhere on this disk.
    with render.transfer_progress(path) as show:
        saved = scheduler.download(ended, path, to, on_bytes=show)
    render.saved(saved)
