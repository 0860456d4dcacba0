"""Welcome: what `up` says once all is there."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from pixyz_scheduler.cli import render


def show(url: str, *, files: Path, key: str | None, whose: str) -> None:
    """Tell all that is needed in another terminal.

    Args:
        url: of the API.
        files: the share.
        key: of the API where it is new, and shown this once.
        whose: where it is not: which one is asked for.
    """
    render.line("")
    render.line(f"Pixyz Scheduler is up:  {url}")
    render.line(f"In a browser:           {url}/docs")
    render.line(f"Files:                  {files}")
    if key is not None:
        render.line(f"Your API key:           {key}")
        render.line("It is shown this once; only its hash is kept. In another terminal:")
    else:
        render.line(f"API key:                {whose}")
        render.line("In another terminal:")
    render.line("")
    render.line(f"  {exported({'PIXYZ_URL': url, 'PIXYZ_TOKEN': key or '...'})}")
    render.line(f"  {_as_called()} process -n api_test -w")
    render.line("")
    render.line("End:                    Ctrl-C")
    sys.stdout.flush()


def exported(values: Mapping[str, str], *, platform: str = sys.platform) -> str:
    """What sets these in the shell that people have there: PowerShell on Windows."""
    if platform == "win32":
        return "; ".join(f'$env:{name}="{value}"' for name, value in values.items())
    return " ".join(["export", *(f"{name}={value}" for name, value in values.items())])


def _as_called() -> str:
    """This program as the user may type it: its bare name only where that is found and is this one."""
    name = Path(sys.argv[0]).name
    if name == "__main__.py":
        return "python -m pixyz_scheduler"
    found = shutil.which(name)
    return name if found is not None and Path(found).samefile(sys.argv[0]) else sys.argv[0]
