"""The table of settings: what the reference, a new pixyz-scheduler.conf and the errors say of each, from one source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from pixyz_scheduler.settings.sources import allowed, is_secret

# Defaults that depend on the machine.
_OF_THE_MACHINE: Mapping[str, str] = {
    "data_path": "`~/.local/share/pixyz-scheduler` (Linux)",
    "process_path": "the package's own",
    "script_environments": "`~/.cache/pixyz-scheduler/environments` (Linux)",
    "isolation": "`fork` on Linux, else `spawn`",
}


@dataclass(frozen=True)
class Row:
    """One setting.

    Attributes:
        name: as users write it.
        section: the heading that it stands under.
        sentence: what it means.
        allowed: what may be written, in words.
        default: as users would write it; None where it depends on the machine.
        default_in_words: for people.
        secret: its value must not be shown.
    """

    name: str
    section: str
    sentence: str
    allowed: str
    default: str | None
    default_in_words: str
    secret: bool


def rows(fields: Mapping[str, FieldInfo]) -> Iterator[Row]:
    """Every setting, section by section."""
    for name, field in fields.items():
        extra = cast("Mapping[str, str]", field.json_schema_extra)
        default = field.get_default(call_default_factory=True)
        value = None if name in _OF_THE_MACHINE else _written(default)
        yield Row(
            name=name.upper(),
            section=extra["section"],
            sentence=field.description or "",
            allowed=allowed(field),
            default=value,
            default_in_words=_OF_THE_MACHINE[name] if value is None else f"`{value}`" if value else "empty",
            secret=is_secret(field),
        )


def sections(fields: Mapping[str, FieldInfo]) -> dict[str, list[Row]]:
    """The rows by section, in the order in which the sections first come."""
    found: dict[str, list[Row]] = {}
    for row in rows(fields):
        found.setdefault(row.section, []).append(row)
    return found


def _written(value: object) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case tuple():
            return ",".join(value)
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.15g}"
        case _:
            return str(value)
