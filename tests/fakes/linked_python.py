"""A Python to which nothing is installed but what a requirement of ours brings: links to what this one has."""

import importlib.metadata
import sysconfig
import venv
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(requirement):
    """The names of all distributions that pip would install here for it, but ours."""
    found = set()
    waiting = [(Requirement(requirement), "")]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in found:
                found.add((name, wanted))
                waiting += [(Requirement(text), wanted) for text in importlib.metadata.requires(name) or ()]
    return {name for name, _ in found} - {"pixyz-scheduler"}


def linked_python(folder, requirement):
    """Make it there; its program."""
    venv.create(folder, symlinks=True, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    for name in needed(requirement):
        distribution = importlib.metadata.distribution(name)
        for entry in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (packages / entry).exists():  # two distributions may fill one namespace
                (packages / entry).symlink_to(distribution.locate_file(entry))
    return folder / "bin" / "python"
