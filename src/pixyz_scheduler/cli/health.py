"""The command `health`: whether the API or worker of this machine, or of this container, lives and can work."""

import json
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from pixyz_scheduler.cli import exits, options, render

if TYPE_CHECKING:
    from pixyz_scheduler.settings.settings import Settings

# Shorter than what container engines give a health check by default.
_PATIENCE = 5.0
_LONGEST = 1 << 20
_OK = 200
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (what listens on all is asked at home)


class Part(str, Enum):
    """What can be asked."""

    API = "api"
    WORKER = "worker"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("health", epilog="Example: pixyz-scheduler health worker")(health)


def health(
    part: Annotated[
        Part, typer.Argument(metavar="api|worker", help="The API at API_PORT, or the worker at METRICS_PORT.")
    ],
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Only whether it answers, not whether it can do its work now.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Ask the API or the worker that runs here how it is. Exit status 0: well; 1: it says what is wrong, or nothing.

    For health checks of containers and services. Settings: pixyz-scheduler.conf and the environment; no key.
    """
    from pixyz_scheduler.settings.settings import Settings  # lazy: 100 ms that --help need not pay

    host, port = _address(Settings.load(), part)
    if not port:
        raise typer.BadParameter("METRICS_PORT is 0: this worker tells nobody", param_hint="'PART'")
    where = f"the {part.value} at {host}:{port}"
    status, problems = _ask(host, port, "/health/live" if live else "/health/ready")
    if as_json:
        render.as_json({"part": part.value, "well": status == _OK, "status": status, "problems": problems})
    elif status == _OK:
        render.line(f"{where} is well")
    elif status is None:
        render.note(f"Error: {where} does not answer: {problems['answer']}.")
    else:
        for name, text in problems.items():
            render.note(f"{name}: {text}")
        render.note(f"Error: {where} is not well (HTTP status {status}).")
    if status != _OK:
        raise typer.Exit(exits.REFUSED)


def _address(settings: "Settings", part: Part) -> tuple[str, int]:
    if part is Part.API:
        return _ANYWHERE.get(settings.api_host, settings.api_host), settings.api_port
    return _ANYWHERE.get(settings.metrics_host, settings.metrics_host), settings.metrics_port


def _ask(host: str, port: int, path: str) -> tuple[int | None, dict[str, str]]:
    """The answer's status, and what it says is wrong; None where there is no answer, with the reason."""
    from http.client import HTTPConnection, HTTPException  # lazy: as above

    connection = HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, _problems(answer.read(_LONGEST))
    except (OSError, HTTPException) as error:
        return None, {"answer": str(error) or type(error).__name__}
    finally:
        connection.close()


def _problems(body: bytes) -> dict[str, str]:
    """By part; nothing where it is not our answer."""
    try:
        found = json.loads(body)["problems"]
        return {str(name): str(text) for name, text in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
