"""A process that loads the engine and says on stdout, as JSON, what it is: that costs seconds, and may crash."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from pixyz_scheduler.engine.absent import AbsentEngine
from pixyz_scheduler.engine.select import find_engine

_PACKAGES = ("trimesh", "cadquery-ocp-novtk", "cascadio", "usd-core", "cmeel-assimp")


def main() -> None:
    """Look, by the environment, and say."""
    said: dict[str, object] = {}
    engine = find_engine(parallel=False)
    if isinstance(engine, AbsentEngine):
        said = {"absent": engine.reason}
    else:
        formats = engine.formats()
        said = {"reads": sorted(formats.reads), "writes": sorted(formats.writes), "missing": _causes(formats.missing)}
    # A library may have printed.
    sys.stdout.write(f"\n{json.dumps({'name': engine.name, 'versions': _versions(), **said})}\n")


def _causes(missing: Mapping[str, str]) -> list[str]:
    return sorted(set(missing.values()))


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


if __name__ == "__main__":
    main()
