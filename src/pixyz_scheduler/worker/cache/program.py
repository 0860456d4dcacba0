"""Program: all on a worker's side that makes the outputs of a job: the engine, Python, the packages; as one hash."""

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from pixyz_scheduler import __version__
from pixyz_scheduler.engine.choice import DEFAULT_SDK, EngineChoice

_ENGINE = Path(__file__).parents[2] / "engine"


@dataclass(frozen=True)
class Program:
    """What runs jobs here; reckoned when first asked for, since most workers never are."""

    engine: EngineChoice

    @cached_property
    def digest(self) -> str:
        """Hexadecimal sha256: another one where a version of anything differs."""
        told = {
            "scheduler": __version__,
            "engine": "none" if self.engine.is_none else "sdk" if self.engine.is_sdk else "open",
            # A checkout keeps its version while its code changes.
            "code": digest_of_files(sorted(_ENGINE.rglob("*.py")), _ENGINE),
            "sdk": list(_sizes(self.engine.sdk)) if self.engine.is_sdk else [],
            "python": [platform.python_implementation(), platform.python_version(), platform.machine()],
            "packages": sorted({f"{each.name}=={each.version}" for each in distributions()}),
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def digest_of_files(paths: Iterable[Path], root: Path) -> str:
    """Hexadecimal sha256 over their names, counted from the root, and what is in them."""
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode("utf-8", "surrogateescape"))
        digest.update(content)
    return digest.hexdigest()


def _sizes(sdk: Path) -> Iterator[tuple[str, int]]:
    """Of the SDK's files, which tell its version as well as their gigabytes would."""
    place = next((place / "pxz" for place in (sdk, DEFAULT_SDK) if (place / "pxz").exists()), None)
    if place is None and (found := find_spec("pxz")) and found.origin:
        place = Path(found.origin).parent
    if place is not None:
        yield from sorted((path.name, path.stat().st_size) for path in place.iterdir() if path.is_file())
