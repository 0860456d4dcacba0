"""The open engine as far as its libraries are installed."""

from importlib.util import find_spec

from pixyz_scheduler.engine.absent import AbsentEngine
from pixyz_scheduler.engine.base import Engine


def open_engine(*, parallel: bool = True) -> Engine:
    """The open engine; an absent one that says what to install where its libraries lack."""
    lacking = [name for name in ("numpy", "trimesh") if find_spec(name) is None]
    if lacking:
        return AbsentEngine(
            f'{" and ".join(lacking)} cannot be imported; install it with: pip install "pixyz-scheduler[open-engine]"'
        )
    from pixyz_scheduler.engine.open.engine import OpenEngine  # imports numpy

    return OpenEngine(parallel=parallel)
