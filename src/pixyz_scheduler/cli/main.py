"""The entry point `pixyz-scheduler`: puts the commands together and turns errors into exit statuses."""

import sys
from typing import Annotated

import typer

from pixyz_scheduler import __version__, extras
from pixyz_scheduler.cli import (
    admin,
    changing,
    completion,
    configuring,
    converting,
    examining,
    exits,
    health,
    looking_inside,
    options,
    reading,
    render,
    running,
    server,
    submitting,
    transferring,
)
from pixyz_scheduler.cli.batch import command as batch
from pixyz_scheduler.cli.connection import Globals
from pixyz_scheduler.errors import SchedulerError

GROUPS = (
    server.register,
    running.register,
    configuring.register,
    examining.register,
    reading.register,
    looking_inside.register,
    submitting.register,
    changing.register,
    converting.register,
    batch.register,
    transferring.register,
    admin.register,
    completion.register,
    health.register,
)
"""Each adds its commands to the app. None may import httpx or the server before its command is called."""


def main() -> None:
    """Run the command line."""
    render.prepare()
    # httpx brings a command line of its own, whose imports (click, pygments, rich) are half of its 140 ms and which
    # no command here needs; httpx goes on without it where it cannot be imported.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None is how Python says "not to be had"
    try:
        make_app()(prog_name="pixyz-scheduler")
    except SchedulerError as error:
        render.error(error)
        sys.exit(exits.REFUSED)
    except ModuleNotFoundError as error:
        # Of the commands of the server's side, which import theirs when they are called.
        missing = extras.of_module(error.name)
        if missing is None:
            raise
        render.error(missing)
        sys.exit(exits.REFUSED)


def make_app() -> typer.Typer:
    """The command line with all its commands."""
    app = typer.Typer(
        name="pixyz-scheduler",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # Typer's boxes cost 90 ms of imports at each --help and break an error over lines that grep would find.
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="First steps: pixyz-scheduler up; elsewhere: pixyz-scheduler convert -i wheel.step -o wheel.glb",
    )
    app.callback()(_before_the_command)
    for register in GROUPS:
        register(app)
    return app


def _show_version(wanted: bool) -> None:  # noqa: FBT001  (typer hands a flag's value by position)
    if wanted:
        render.line(__version__)
        raise typer.Exit


def _before_the_command(
    context: typer.Context,
    *,
    url: options.Url = None,
    token: options.GlobalToken = None,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Print this program's version.")
    ] = False,
) -> None:
    """Send 3D work to a Pixyz Scheduler, watch it, and fetch what it made."""
    context.obj = Globals(url=url, token=token)


if __name__ == "__main__":
    main()
