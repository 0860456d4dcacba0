"""Which engine is here: the Pixyz SDK's where `pxz` can be imported, the open one else, or none."""

import os
from contextlib import suppress
from importlib import import_module

from pixyz_scheduler.engine.absent import AbsentEngine
from pixyz_scheduler.engine.base import Engine
from pixyz_scheduler.engine.choice import EngineChoice, put_on_path
from pixyz_scheduler.engine.open.installed import open_engine

_ROOMS = ("engine", "cad", "cad_writer", "cascade", "usd", "usd_writer", "thumbnails", "decimate")
"""Modules of the open engine that are imported when first needed; `preload` imports them before."""


def find_engine(*, choice: EngineChoice | None = None, parallel: bool = True) -> Engine:
    """The engine of this process.

    Args:
        choice: which; None for what the environment says, where a worker has put what its settings say.
        parallel: let the open engine use threads; see `OpenEngine`.
    """
    chosen = EngineChoice.from_environment(os.environ) if choice is None else choice
    if chosen.is_none:
        return AbsentEngine("it is switched off by DISABLE_PIXYZ" if chosen.disabled else "ENGINE=none")
    if chosen.is_sdk:
        put_on_path(chosen.sdk)
        try:
            from pixyz_scheduler.engine.pixyz import PixyzEngine  # imports pxz
        except ImportError as error:
            return AbsentEngine(f"the Pixyz SDK is here and cannot be imported: {error}")
        return PixyzEngine()
    if chosen.name == "pixyz":
        return AbsentEngine(f"ENGINE=pixyz, and the Pixyz SDK is not in {chosen.sdk} (PIXYZ_PYTHON_PATH)")
    return open_engine(parallel=parallel)


def preload(choice: EngineChoice) -> tuple[str, ...]:
    """Import what the engine needs, and use nothing of it: afterwards it is safe to fork.

    For the template process, on its only thread. Gives a line for each library that is missing: what it is, what it
    costs to be without, and the command that installs it. The Pixyz SDK is imported but not initialised.
    """
    if choice.is_none:
        return ()
    if choice.is_sdk:
        put_on_path(choice.sdk)
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
