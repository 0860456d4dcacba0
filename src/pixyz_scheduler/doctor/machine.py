"""The checks of this machine: its Python, room for attempts, and what keeps jobs apart and within their memory."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pixyz_scheduler.findings import Finding, error, ok, warning
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.storage.space import in_words
from pixyz_scheduler.worker.isolation.cgroup_home import may_open_groups

OLDEST, NEWEST = (3, 10), (3, 13)

_SPACE = "disk"
_APART = "isolation"
_KIB = 1024


@dataclass(frozen=True)
class MachineFacts:
    """What is seen of it.

    Attributes:
        python: version of the interpreter.
        system: `Linux`, `Windows`, `Darwin`.
        temp: folder where attempts work.
        free: bytes there.
        temp_trouble: why nothing can be written there; empty where it can.
        forks: a process can be forked and watched (pidfd).
        groups: memory groups of the kernel can be made.
        memory: bytes of the machine; 0 where it is not told.
    """

    python: tuple[int, ...]
    system: str
    temp: Path
    free: int
    temp_trouble: str = ""
    forks: bool = True
    groups: bool = True
    memory: int = 0


def look_at(settings: Settings) -> Iterator[Finding]:
    """What is to be said of it."""
    yield from judge(read(), settings)


def read() -> MachineFacts:
    """The facts; a temporary file is written, and removed again."""
    temp = Path(tempfile.gettempdir())
    return MachineFacts(
        python=sys.version_info[:3],
        system=platform.system(),
        temp=temp,
        free=shutil.disk_usage(temp).free,
        temp_trouble=_try(temp),
        forks=_can_watch(),
        groups=may_open_groups(),
        memory=_memory(),
    )


def judge(facts: MachineFacts, settings: Settings) -> Iterator[Finding]:
    """What they mean."""
    version = ".".join(map(str, facts.python))
    if OLDEST <= facts.python[:2] <= NEWEST:
        yield ok("python", f"Python {version} on {facts.system}")
    else:
        supported = f"{'.'.join(map(str, OLDEST))} to {'.'.join(map(str, NEWEST))}"
        yield warning("python", f"Python {version}: tested are {supported}", "Install one of those.")
    yield from _room(facts, settings.min_free_space)
    yield from _isolation(facts, settings)


def _room(facts: MachineFacts, least: int) -> Iterator[Finding]:
    what = f"{in_words(facts.free)} are free in {facts.temp}, where attempts work"
    if facts.temp_trouble:
        yield error(_SPACE, f"{facts.temp} cannot be written: {facts.temp_trouble}", "Mend it, or set TMPDIR.")
    elif facts.free < least:
        do = "Make room, set TMPDIR to a larger disk, or lower MIN_FREE_SPACE."
        yield error(_SPACE, f"{what}; {in_words(least)} must be: workers here begin no job", do)
    else:
        yield ok(_SPACE, what)


def _isolation(facts: MachineFacts, settings: Settings) -> Iterator[Finding]:
    if settings.in_process:
        do = "For development alone: set DEBUG=false and CELERY_ALWAYS_EAGER=false elsewhere."
        yield warning(_APART, "scripts run in the worker's own process: one that crashes ends the worker", do)
    elif settings.isolation == "fork" and not facts.forks:
        do = "Set ISOLATION=spawn; or a newer kernel (5.3), or let the container make that call (seccomp)."
        yield error(_APART, "ISOLATION is fork, and this machine cannot watch a process by pidfd_open", do)
    else:
        yield ok(_APART, f"each attempt has a process of its own ({settings.isolation})")
    limit = max(settings.max_memory_usage, settings.max_memory_usage_gpuhigh) * _KIB
    how = "held by a memory group of the kernel" if facts.groups else "weighed by us (no memory group may be made here)"
    if not limit:
        yield ok(_APART, "jobs may use all of the memory (MAX_MEMORY_USAGE=0)")
    elif facts.memory and limit > facts.memory:
        what = (
            f"a job may use {in_words(limit)} (MAX_MEMORY_USAGE), more than the machine has: {in_words(facts.memory)}"
        )
        yield warning(_APART, what, "Lower it: else the kernel chooses whom it ends.")
    else:
        yield ok(_APART, f"a job may use {in_words(limit)} at most, {how}")


def _try(temp: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=temp) as file:
            file.write(b"x")
    except OSError as trouble:
        return trouble.strerror or str(trouble)
    return ""


def _can_watch() -> bool:
    if sys.platform != "linux":
        return False
    # The call may be there, and be refused.
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


def _memory() -> int:
    if sys.platform == "win32":
        return 0
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0
