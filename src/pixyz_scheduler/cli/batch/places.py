"""Where in the output folder the files of each input go. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from pixyz_scheduler.cli.companions import WITH_COMPANIONS


def places(below: str, name: str) -> Iterator[str]:
    """Places for an input's files, the best first, without end: `sub/wheel`, `sub/wheel.step`, `sub/wheel.step-2`."""
    folder = PurePosixPath(below)
    stem = PurePosixPath(name).stem
    yield str(folder / stem)
    yield str(folder / name)
    number = 2
    while True:
        yield str(folder / f"{name}-{number}")
        number += 1


def targets(place: str, outputs: Sequence[str]) -> Mapping[str, str]:
    """For each output of a job the path that it gets here.

    `output.glb` becomes `PLACE.glb`, several formats of one thing likewise; anything else becomes a folder.
    """
    suffixes = [_suffix(path) for path in outputs]
    stems = {path[: -len(suffix)] if suffix else path for path, suffix in zip(outputs, suffixes, strict=True)}
    one_thing = len(stems) == 1 and len(set(suffixes)) == len(suffixes) and not any("/" in path for path in outputs)
    # The files of these name each other: under other names they would not find each other.
    apart = one_thing and (len(outputs) == 1 or not any(suffix[1:] in WITH_COMPANIONS for suffix in suffixes))
    if apart:
        return {path: place + suffix for path, suffix in zip(outputs, suffixes, strict=True)}
    return {path: f"{place}/{path}" for path in outputs}


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix
