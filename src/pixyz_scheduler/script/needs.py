"""What a script needs and this interpreter does not have."""

import platform
from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from pixyz_scheduler.catalog.inline_metadata import Needs
from pixyz_scheduler.errors import PackagesMissing

if TYPE_CHECKING:
    # Only scripts that say what they need pay for it: 10 ms.
    from packaging.requirements import Requirement

OURS = frozenset({"pixyz-scheduler"})
"""Always here: a script names it so that it runs elsewhere too."""


def check_python(needs: Needs, *, filename: str) -> None:
    """Whether the interpreter is one that the script asks for; raises PackagesMissing, naming both."""
    if needs.requires_python is None:
        return
    from packaging.specifiers import SpecifierSet

    here = platform.python_version()
    if not SpecifierSet(needs.requires_python).contains(here, prereleases=True):
        raise PackagesMissing(
            f"{filename} asks for Python {needs.requires_python} (requires-python); here it runs on Python {here}."
        )


def unmet(dependencies: Iterable[str]) -> list[str]:
    """Those packages that are not installed here as they are asked for, as they were written."""
    return list(_unmet(dependencies))


def wanted(dependencies: Iterable[str]) -> list[str]:
    """Those packages that count on this machine: not ours, and not for other systems."""
    return [text for text, _ in _wanted(dependencies)]


def _wanted(dependencies: Iterable[str]) -> "Iterator[tuple[str, Requirement]]":
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    for text in dependencies:
        requirement = Requirement(text)
        if canonicalize_name(requirement.name) in OURS:
            continue
        if requirement.marker is None or requirement.marker.evaluate():
            yield text, requirement


def _unmet(dependencies: Iterable[str]) -> Iterator[str]:
    for text, requirement in _wanted(dependencies):
        # What else an extra brings, and what an address holds, nobody here knows: those are prepared.
        if requirement.extras or requirement.url or not _is_installed(requirement):
            yield text


def _is_installed(requirement: "Requirement") -> bool:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    return bool(requirement.specifier.contains(version, prereleases=True))
