"""Allowance: what this worker lets a job bring or fetch; its children are told by their environment."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

VARIABLE = "PIXYZ_ALLOWANCE"


@dataclass(frozen=True)
class Allowance:
    """What a job may bring or fetch before its script begins.

    Attributes:
        dependencies: whether packages that a script names are prepared.
        environments: where they are kept.
        environments_limit: bytes of all of them; 0 for no limit.
        environments_age: seconds that one may lie unused.
        urls: from where inputs may be fetched: ALLOW_INPUT_URLS.
        share: the shared folder, resolved.
        max_input: bytes of an input that is fetched; 0 for no limit.
        min_free: bytes that must be left on the disk; 0 asks for nothing.
    """

    dependencies: bool = False
    environments: Path = Path()
    environments_limit: int = 0
    environments_age: float = 0.0
    urls: tuple[str, ...] = ()
    share: Path = Path()
    max_input: int = 0
    min_free: int = 0

    def to_environment(self) -> dict[str, str]:
        """The variable that tells children."""
        return {VARIABLE: json.dumps(asdict(self), default=str)}

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> "Allowance":
        """What that variable says; without it nothing is allowed."""
        said: dict[str, Any] = json.loads(environment.get(VARIABLE) or "{}")
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in said.items() if name in known}
        values |= {name: Path(values[name]) for name in ("environments", "share") if name in values}
        return cls(**{**values, "urls": tuple(values.get("urls", ()))})
