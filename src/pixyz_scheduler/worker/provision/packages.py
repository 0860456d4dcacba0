"""The packages of one script: whether they are needed, allowed, here already, and where they are prepared."""

import hashlib
import json
import os
import platform
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pixyz_scheduler.catalog.inline_metadata import NOTHING, Needs, needs_of
from pixyz_scheduler.errors import PackagesMissing
from pixyz_scheduler.script.needs import check_python, unmet, wanted
from pixyz_scheduler.worker.provision.allowance import Allowance
from pixyz_scheduler.worker.provision.environments import Environments, Held

# Part of the key: an environment made by another rule is another one.
_RULE = 1


def prepare(
    script: Path, allowance: Allowance, *, begins: Callable[[], None], source: str | None = None
) -> Held | None:
    """An environment with the packages that the script needs; None where it needs none that is not here.

    Args:
        script: its file.
        allowance: what the worker allows.
        begins: called before what may take long.
        source: the text of that file, where it was read already.

    Raises:
        InvalidScript: what it says of them cannot be read.
        PackagesMissing: they are not allowed, or cannot be had.
        Unavailable, StorageFull: not now.
    """
    needs = needs_of(script.read_bytes() if source is None else source.encode(), filename=script.name)
    if needs is NOTHING:
        return None
    for warning in needs.warnings:
        _tell(warning)
    check_python(needs, filename=script.name)
    missing = unmet(needs.dependencies)
    if not missing:
        return None
    if not allowance.dependencies:
        raise PackagesMissing(
            f"{script.name} needs {', '.join(missing)}, which this worker does not have. "
            "SCRIPT_DEPENDENCIES=allow lets it prepare them; else install them where it runs."
        )
    return _environment(needs, allowance, begins)


def _environment(needs: Needs, allowance: Allowance, begins: Callable[[], None]) -> Held:
    # Imported late: it starts programs, which no other job pays for.
    from pixyz_scheduler.worker.provision.uv import install

    packages, behind = wanted(needs.dependencies), our_folders()
    cache = Environments(allowance.environments, allowance.environments_limit, allowance.environments_age)
    key, began = key_of(packages, behind), time.monotonic()

    def make(into: Path) -> None:
        _tell(f"Packages: preparing {', '.join(packages)}")
        begins()
        install(packages, into, behind=behind)

    def waits() -> None:
        _tell("Packages: waiting for another job that prepares the same")
        begins()

    held = cache.hold(key, make, waits=waits, now=time.time())
    how = "prepared" if held.was_made else "found prepared"
    _tell(f"Packages: {len(packages)} {how} in {time.monotonic() - began:.3f} s ({held.path})")
    if held.was_made:
        for removed in cache.clean(now=time.time()):
            _tell(f"Packages: removed {removed}, unused for long or to make room")
    return held


def key_of(packages: Sequence[str], behind: Sequence[str]) -> str:
    """What tells an environment from others: packages, interpreter, platform, and what lies behind them."""
    parts = [_RULE, list(packages), platform.python_version(), platform.python_implementation()]
    machine = [sysconfig.get_platform(), *platform.libc_ver(), sys.base_prefix, list(behind)]
    return hashlib.sha256(json.dumps([*parts, *machine]).encode()).hexdigest()[:32]


def our_folders() -> list[str]:
    """Where this interpreter finds packages that are not Python's own: ours, and what we stand on."""
    own = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    own |= {os.path.join(path, "lib-dynload") for path in own}  # noqa: PTH118  (as sys.path writes them)
    here = os.getcwd()  # noqa: PTH109  (likewise)
    return [path for path in sys.path if path not in own and path not in ("", here) and os.path.isdir(path)]  # noqa: PTH112


def _tell(line: str) -> None:
    """Into the job's log."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
