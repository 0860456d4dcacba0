"""survey(): the settings as far as they can be read, and all that is wrong with them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pixyz_scheduler.settings import sources
from pixyz_scheduler.settings.conf_file import Line
from pixyz_scheduler.settings.settings import Settings


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        settings: with the default in place of each wrong value.
        path: of the file; None where there is none.
        problems: wrong values and lines that are none, each with its place and what is allowed.
        unknown: names that are no setting, with the nearest that is one.
        doubled: names that stand in the file more than once, with their places.
        old: names that have a new one.
    """

    settings: Settings
    path: Path | None
    problems: tuple[str, ...]
    unknown: tuple[str, ...]
    doubled: tuple[str, ...]
    old: tuple[str, ...]


def survey(environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Survey:
    """Read what `Settings.load` reads; nothing is raised."""
    environ, cwd = os.environ if environ is None else environ, Path.cwd() if cwd is None else cwd
    found = sources.gather(Settings.model_fields, environ=environ, cwd=cwd)
    wrong = sources.wrong(Settings, found.lines, cwd=cwd)
    right = {name: line for name, line in found.lines.items() if name not in wrong}
    in_environ = [Line(name, "", "the environment") for name in environ if name in sources.OLD_NAMES]
    return Survey(
        settings=Settings.of(replace(found, lines=right), cwd=cwd),
        path=found.path,
        problems=(*found.problems, *wrong.values()),
        unknown=found.warnings,
        doubled=tuple(_doubled(found.in_file)),
        old=tuple(_old([*found.in_file, *in_environ])),
    )


def _doubled(lines: tuple[Line, ...]) -> Iterator[str]:
    places: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        places[line.name].append(line)
    for name, several in places.items():
        if len(several) > 1:
            first, *_, last = several
            yield f"{name} stands in {first.where}, and again in {last.where}: the last counts."


def _old(lines: list[Line]) -> Iterator[str]:
    for line in lines:
        if line.name in sources.OLD_NAMES:
            yield f"{line.name} in {line.where} is the old name of {sources.OLD_NAMES[line.name]}."
