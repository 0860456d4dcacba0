"""The extras of this package: which modules each brings, and the one line that says which of them is missing."""

import sys
from collections.abc import Mapping

from pixyz_scheduler.errors import ExtraMissing

_FARM = ("celery", "kombu", "platformdirs", "prometheus_client", "pydantic_settings", "redis")

MODULES: Mapping[str, tuple[str, ...]] = {
    "server": (*_FARM, "fastapi", "fastapi_offline", "multipart", "uvicorn"),
    "worker": _FARM,
}
"""What is imported of each, without which its part does not start."""

_BROUGHT = {"dotenv": "worker", "pydantic": "worker", "anyio": "server", "starlette": "server"}
"""What is imported too and comes with one of those: which of them is missing first is chance."""

EVERYTHING_HERE = ("server", "worker", "embedded")
"""What runs a scheduler with nothing else installed: to be said to whoever starts one on his own machine."""


def require(extra: str, *, whose: str, install: tuple[str, ...] = ()) -> None:
    """Raise ExtraMissing where something of this extra is not installed.

    Args:
        extra: a key of MODULES.
        whose: the sentence's subject: what the user has asked for.
        install: what to say is to be installed; the extra itself where it is not given.
    """
    absent = next((name for name in MODULES[extra] if not _is_here(name)), None)
    if absent is not None:
        raise _missing(absent, whose, install or (extra,))


def of_module(name: str | None) -> ExtraMissing | None:
    """The error for a module that an import has not found; None where it is of no extra of ours."""
    root = (name or "").partition(".")[0]
    extra = next((extra for extra in ("worker", "server") if root in MODULES[extra]), _BROUGHT.get(root))
    return None if extra is None else _missing(root, "This", (extra,))


def _is_here(module: str) -> bool:
    from importlib.util import find_spec  # 0.7 ms that --help need not pay

    # kombu puts a module without a spec in its own place, at which find_spec takes offence.
    return sys.modules.get(module) is not None or find_spec(module) is not None


def _missing(module: str, whose: str, install: tuple[str, ...]) -> ExtraMissing:
    return ExtraMissing(
        f"{whose} needs more than what is installed here ({module} cannot be imported): "
        f'pip install "pixyz-scheduler[{",".join(install)}]"',
        name=module,
    )
