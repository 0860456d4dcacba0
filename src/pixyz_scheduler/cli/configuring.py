"""The command that writes a first pixyz-scheduler.conf: init."""

from pathlib import Path
from typing import Annotated

import typer

from pixyz_scheduler.cli import options, render, server

_SCHEME = "://"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init", epilog="Example: pixyz-scheduler init --share /mnt/share -s QUEUE_NAME=cpu,control")(init)


def init(
    *,
    path: Annotated[
        Path,
        typer.Option(
            "--path", metavar="FILE", show_default=False, help="Where to write it. Default: ./pixyz-scheduler.conf"
        ),
    ] = Path("pixyz-scheduler.conf"),
    given: Annotated[
        list[str] | None,
        typer.Option("-s", "--set", metavar="NAME=VALUE", help="A setting to be set. Several: -s A=1 -s B=2"),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="HOST[:PORT]|URL", help="The Redis or Valkey server: REDIS_MASTER_SERVICE_*"),
    ] = None,
    share: Annotated[
        str | None, typer.Option("--share", metavar="FOLDER", help="The shared folder: SHARE_PATH")
    ] = None,
    compose: Annotated[
        bool, typer.Option("--compose", help="For docker compose: with a fresh REDIS_PASSWORD.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write it in place of one that is there.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Write a first pixyz-scheduler.conf. Every setting in words, and a fresh API key, which is shown this once."""
    asked = _store(store) | ({} if share is None else {"SHARE_PATH": share}) | _pairs(given or [])
    target = path.absolute() / "pixyz-scheduler.conf" if path.is_dir() else path.absolute()
    key, remarks = server.new_conf(target, asked, compose=compose, force=force)
    if as_json:
        render.as_json({"path": str(target), "api_key": key, "remarks": remarks})
        return
    render.line(f"Written:       {target}")
    if key is not None:
        render.line(f"Your API key:  {key}")
        render.note("The key is shown this once; the file holds its hash. Clients take it from PIXYZ_TOKEN, or -t.")
    for remark in remarks:
        render.note(f"Note: {remark}")
    render.note("Next: pixyz-scheduler doctor")


def _pairs(given: list[str]) -> dict[str, str]:
    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{each} is not NAME=VALUE", param_hint="'-s'")
        found[name.strip()] = value
    return found


def _store(address: str | None) -> dict[str, str]:
    if address is None:
        return {}
    if _SCHEME in address:
        return {"CELERY_BROKER_URL": address}
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        return {"REDIS_MASTER_SERVICE_HOST": address.strip("[]")}
    return {"REDIS_MASTER_SERVICE_HOST": host.strip("[]"), "REDIS_MASTER_SERVICE_PORT": port}
