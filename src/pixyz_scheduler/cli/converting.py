"""The commands that end with the wanted file on the user's disk: convert, thumbnails, metadata."""

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from pixyz_scheduler.cli import job_view, options, progress, render, waiting
from pixyz_scheduler.cli.companions import WITH_COMPANIONS
from pixyz_scheduler.cli.connection import connect
from pixyz_scheduler.cli.pending import Errand, Pending, fingerprint
from pixyz_scheduler.errors import NotFound, OutputNotFound, SchedulerError, Unavailable

if TYPE_CHECKING:
    # Importing httpx costs 130 ms that --help need not pay.
    from pixyz_scheduler.client import JobDetails, JobState, SchedulerClient

Places = Callable[["JobDetails", tuple[str, ...]], Mapping[str, Path]]
"""Where each wanted output of an ended job goes."""


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
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", dir_okay=False, help="The file to make; its end says the format."
        ),
    ],
    params: options.Params = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Convert a 3D file to another format."""
    extension = output.suffix.removeprefix(".").lower()
    if not extension:
        raise typer.BadParameter("the format is not clear: end the name like wheel.glb", param_hint="'-o'")
    given = options.params(params) or {}
    # Who names several formats by himself gets them; which of them is wanted here is in the name of the output.
    wanted = given if "extensions" in given else {"extension": extension, **given}

    def places(ended: "JobDetails", outputs: tuple[str, ...]) -> Mapping[str, Path]:
        main = _choose(outputs, ended, f".{extension}")
        others = [path for path in outputs if path != main] if extension in WITH_COMPANIONS else []
        return {main: output, **{path: output.parent / path for path in others}}

    with connect(context, token) as scheduler:
        _Delivery(scheduler, "convert_file", Pending(output), as_json=as_json).run(file, wanted, places)


def thumbnails(
    context: typer.Context,
    *,
    file: options.Input,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", file_okay=False, help="The folder for the pictures.")
    ],
    params: options.Params = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Draw pictures of a 3D file."""
    wanted = options.params(params)

    def places(ended: "JobDetails", outputs: tuple[str, ...]) -> Mapping[str, Path]:
        if not outputs:
            raise _nothing(ended, "pictures", outputs)
        return {path: output / path for path in outputs}

    with connect(context, token) as scheduler:
        _Delivery(scheduler, "generate_thumbnails", Pending(output, folder=True), as_json=as_json).run(
            file, wanted, places
        )


def metadata(
    context: typer.Context,
    *,
    file: options.Input,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", dir_okay=False, help="The JSON file to make.")
    ],
    params: options.Params = None,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Measure a 3D file: size, parts, triangles, materials. And what it says of itself."""
    wanted = options.params(params)
    with connect(context, token) as scheduler:
        _Delivery(scheduler, "generate_metadata", Pending(output), as_json=as_json).run(
            file, wanted, lambda ended, outputs: {_choose(outputs, ended, ".json"): output}
        )


class _Delivery:
    """From a file here, by a process there, to files here; interrupted and begun again, it goes on."""

    def __init__(self, scheduler: "SchedulerClient", process: str, pending: Pending, *, as_json: bool) -> None:
        self._scheduler = scheduler
        self._process = process
        self._pending = pending
        self._as_json = as_json

    def run(self, file: Path, params: Mapping[str, object] | None, places: Places) -> None:
        """Send it or take it up, wait, fetch. What ends in an error of the job's own is not come back to."""
        try:
            job = self._job(file, params)
            ended = waiting.follow(self._scheduler, job.uuid, timeout=None, quiet=self._as_json, comes_back=True)
            saved = self._fetch(ended, places) if ended.succeeded else []
        except Unavailable:
            raise
        except SchedulerError:
            self._pending.remove()
            raise
        self._pending.remove()
        self._show(ended, saved)
        if not ended.succeeded:
            raise typer.Exit(waiting.exit_status(ended))

    def _job(self, file: Path, params: Mapping[str, object] | None) -> "JobState":
        wanted = fingerprint(file=file, process=self._process, params=params)
        known = self._pending.read()
        if known is None or (known.fingerprint, known.url) != (wanted, self._scheduler.url):
            return self._send(file, params, self._new(wanted))
        job = None if known.uuid is None else self._still_good(known.uuid)
        if job is not None:
            render.note(f"Going on with job {job.uuid}, which an interrupted command has sent.")
            return job
        return self._send(file, params, known if known.uuid is None else self._new(wanted))

    def _new(self, wanted: str) -> Errand:
        from pixyz_scheduler.client.protocol import new_key

        return self._pending.write(Errand(fingerprint=wanted, url=self._scheduler.url, key=new_key()))

    def _send(self, file: Path, params: Mapping[str, object] | None, errand: Errand) -> "JobState":
        with progress.of_file(file.name, quiet=self._as_json, going=True) as show:
            job = self._scheduler.submit(
                process=self._process,
                file=file,
                params=params,
                name=file.name,
                idempotency_key=errand.key,
                on_bytes=show,
            )
        self._pending.sent(errand, job.uuid)
        return job

    def _still_good(self, uuid: str) -> "JobState | None":
        try:
            job = self._scheduler.status(uuid)
        except NotFound:
            return None
        return None if job.ended and not job.succeeded else job

    def _fetch(self, ended: "JobDetails", places: Places) -> list[Path]:
        saved = []
        # `download` refuses a path that leaves the job's outputs, so a bad server cannot write elsewhere on this disk.
        for path, to in places(ended, self._scheduler.outputs(ended)).items():
            with progress.of_file(path, quiet=self._as_json) as show:
                saved.append(self._scheduler.download(ended, path, to, on_bytes=show))
            if not self._as_json:
                render.saved(saved[-1])
        return saved

    def _show(self, ended: "JobDetails", saved: list[Path]) -> None:
        told = ended.result.get("warnings") if isinstance(ended.result, dict) else None
        if self._as_json:
            job_view.delivered(ended, saved, told)
            return
        render.warnings(told)
        if not ended.succeeded:
            # The script is not the user's own: its lines are of no use here.
            render.note(f"Error: {ended.reason or f'The job ended as {ended.status}.'}")
            render.note(f"All of it: pixyz-scheduler details -j {ended.uuid}")


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
