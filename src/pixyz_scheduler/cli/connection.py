"""Connects a command to the scheduler that its options, the global options or the environment name."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from pixyz_scheduler.cli.options import DEFAULT_URL

if TYPE_CHECKING:
    # Importing httpx costs 130 ms that --help need not pay.
    from pixyz_scheduler.client import SchedulerClient


@dataclass(frozen=True)
class Globals:
    """What was given before the command."""

    url: str | None = None
    token: str | None = None


@dataclass(frozen=True)
class Where:
    """A scheduler and the key to it."""

    url: str
    token: str | None


def where(context: typer.Context, token: str | None) -> Where:
    """What stands after the command wins over what stands before it. A usage error for what is no URL."""
    from pixyz_scheduler.client import BadAddress, protocol

    given = context.find_object(Globals) or Globals()
    try:
        return Where(protocol.address(given.url or DEFAULT_URL), token or given.token)
    except BadAddress as error:
        raise typer.BadParameter(str(error), param_hint="'-u'") from error


def connect(context: typer.Context, token: str | None) -> "SchedulerClient":
    """A client for this command."""
    from pixyz_scheduler.client import BadAddress, SchedulerClient

    found = where(context, token)
    try:
        return SchedulerClient(found.url, found.token)
    except BadAddress as error:
        raise typer.BadParameter(str(error), param_hint="'-u'") from error
