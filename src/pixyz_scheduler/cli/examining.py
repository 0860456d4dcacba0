"""The command that looks at an installation and says what is wrong: doctor."""

from collections.abc import Iterator
from dataclasses import asdict

import typer

from pixyz_scheduler import __version__
from pixyz_scheduler.cli import exits, options, reach, render, server
from pixyz_scheduler.cli.connection import Globals, where
from pixyz_scheduler.findings import Finding, Level, count, ok


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog="Example: pixyz-scheduler doctor")(doctor)


def doctor(context: typer.Context, *, token: options.Token = None, as_json: options.AsJson = False) -> None:
    """Say what is wrong with this installation, and what to do.

    Settings, machine, store, share, API, workers, engine and licence, as pixyz-scheduler.conf and the environment
    describe them; and the scheduler that -u or PIXYZ_URL names. Nothing is changed. Exit status: 1 where there is an
    error, else 0.
    """
    found = []
    for finding in _findings(context, token):
        found.append(finding)
        if not as_json:
            render.finding(finding)
    errors, warnings = count(found, Level.ERROR), count(found, Level.WARNING)
    if as_json:
        render.as_json(
            {
                "version": __version__,
                "errors": errors,
                "warnings": warnings,
                "findings": [{**asdict(each), "level": each.level.value} for each in found],
            }
        )
    else:
        render.note(f"{_many(errors, 'error')}, {_many(warnings, 'warning')}.")
    raise typer.Exit(exits.REFUSED if errors else 0)


def _findings(context: typer.Context, token: str | None) -> Iterator[Finding]:
    if server.is_installed():
        yield from server.findings()
        if (context.find_object(Globals) or Globals()).url is None:
            return
    else:
        yield ok(
            "install", "the client alone: run doctor where the server's parts are installed, to have those looked at"
        )
    there = where(context, token)
    yield from reach.look_at(there.url, there.token)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
