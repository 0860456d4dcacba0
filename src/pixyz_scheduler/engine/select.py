"""Which engine is here: the Pixyz SDK's where `pxz` can be imported, the open one else, or none."""

import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from pixyz_scheduler.engine.absent import AbsentEngine
from pixyz_scheduler.engine.base import Engine
from pixyz_scheduler.engine.open.installed import open_engine

DEFAULT_SDK = Path("/opt/pixyz")
_ROOMS = ("engine", "cad", "cad_writer", "cascade", "usd", "usd_writer", "thumbnails", "decimate")
"""Modules of the open engine that are imported when first needed; `preload` imports them before."""


def find_engine(*, pixyz_python_path: Path | None = None, disabled: bool = False, parallel: bool = True) -> Engine:
    """The engine of this machine.

    Args:
        pixyz_python_path: folder that holds the SDK's `pxz` package; else `/opt/pixyz`, else sys.path.
        disabled: an absent engine whatever is installed, for workers that need none.
        parallel: let the open engine use threads; see `OpenEngine`.
    """
    if disabled:
        return AbsentEngine("it is switched off by DISABLE_PIXYZ")
    if find_pxz(pixyz_python_path):
        try:
            from pixyz_scheduler.engine.pixyz import PixyzEngine  # imports pxz
        except ImportError as error:
            return AbsentEngine(f"the Pixyz SDK is here and cannot be imported: {error}")
        return PixyzEngine()
    return open_engine(parallel=parallel)


def find_pxz(pixyz_python_path: Path | None) -> bool:
    """Whether `pxz` can be imported; its folder is put on sys.path if it is not there yet."""
    for folder in (pixyz_python_path, DEFAULT_SDK):
        if folder is not None and (folder / "pxz").exists():
            if str(folder) not in sys.path:
                sys.path.insert(0, str(folder))
            return True
    return find_spec("pxz") is not None


def preload(*, pixyz_python_path: Path | None = None) -> tuple[str, ...]:
    """Import what the engine of this machine needs, and use nothing of it: afterwards it is safe to fork.

    For the template process, on its only thread. Gives a line for each library that is missing: what it is, what it
    costs to be without, and the command that installs it. The Pixyz SDK is imported but not initialised.
    """
    if find_pxz(pixyz_python_path):
        try:
            import_module("pixyz_scheduler.engine.pixyz")  # imports pxz
        except ImportError as error:
            return (f"the Pixyz SDK is here and cannot be imported: {error}",)
        return ()
    from pixyz_scheduler.engine.open import libraries

    missing = libraries.load_all()
    for name in _ROOMS:
        with suppress(ImportError):  # what it needs is among the missing, and was named
            import_module(f"pixyz_scheduler.engine.open.{name}")
    return missing
