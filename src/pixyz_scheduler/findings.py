"""Finding: what somebody who looks at an installation has found, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Level(str, Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what was looked at, in a word.
        level: how it is.
        what: what was found, in a sentence.
        to_do: what to do about it; empty where nothing is to be done.
    """

    check: str
    level: Level
    what: str
    to_do: str = ""


def ok(check: str, what: str) -> Finding:
    """It is as it should be."""
    return Finding(check, Level.OK, what)


def warning(check: str, what: str, to_do: str) -> Finding:
    """It works, but not for ever, or not for everybody."""
    return Finding(check, Level.WARNING, what, to_do)


def error(check: str, what: str, to_do: str) -> Finding:
    """It does not work."""
    return Finding(check, Level.ERROR, what, to_do)


def count(findings: Iterable[Finding], level: Level) -> int:
    """How many there are of a level."""
    return sum(finding.level is level for finding in findings)
