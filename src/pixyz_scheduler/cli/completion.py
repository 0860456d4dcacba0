"""The command `completion`: what a shell needs to complete commands and options."""

from enum import Enum
from typing import Annotated

import typer

from pixyz_scheduler.cli import render

_PROGRAM = "pixyz-scheduler"
_VARIABLE = "_PIXYZ_SCHEDULER_COMPLETE"


class Shell(str, Enum):
    """The shells that are known."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"
    powershell = "powershell"
    pwsh = "pwsh"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("completion", epilog='Example: eval "$(pixyz-scheduler completion bash)"')(completion)


def completion(*, shell: Annotated[Shell, typer.Argument(help="Your shell.")]) -> None:
    """Print what your shell needs to complete commands. Or have it installed: --install-completion."""
    # The only maker of these texts that typer has; lazy, as nobody else needs it.
    from typer._completion_shared import get_completion_script

    render.line(get_completion_script(prog_name=_PROGRAM, complete_var=_VARIABLE, shell=shell.value))
