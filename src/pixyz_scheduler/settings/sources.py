"""What the environment and the file say, put together, and the errors that name where each value stands."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.settings import conf_file
from pixyz_scheduler.settings.conf_file import Line
from pixyz_scheduler.settings.types import Allowed

_OLD_NAMES = {"LOGLEVEL": "LOG_LEVEL"}
_LONGEST_SHOWN = 200
# What OpenTelemetry's SDK reads by itself; its names are no settings of ours, and no mistake.
_OTEL = "OTEL_"
_OTEL_KEYS = "_HEADERS"
_QUOTES = ('"', "'")
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Gathered:
    """Every setting that is given, by field name, and what the user should be told."""

    lines: Mapping[str, Line]
    warnings: tuple[str, ...]
    otel: Mapping[str, str]


def gather(fields: Mapping[str, FieldInfo], *, environ: Mapping[str, str], cwd: Path) -> Gathered:
    """Read both sources; later lines win over earlier ones, the environment over the file."""
    names = {name.upper(): name for name in fields}
    path = next((place for place in conf_file.places(environ=environ, cwd=cwd) if place.is_file()), None)
    in_file = conf_file.read(path, environ=environ) if path else []
    in_environ = [
        Line(name, _unquoted(value, secret=_is_secret(fields, name)), "the environment")
        for name, value in environ.items()
        if name in names or name in _OLD_NAMES
    ]
    lines = {names[name]: line for name, line in {**_given(in_file), **_given(in_environ)}.items() if name in names}
    otel = {line.name: line.value.strip() for line in in_file if line.name.startswith(_OTEL)}
    otel |= {name: _unquoted(value, secret=False) for name, value in environ.items() if name.startswith(_OTEL)}
    return Gathered(lines, tuple(_unknown(in_file, names)), {name: value for name, value in otel.items() if value})


def build(model: type[_Model], lines: Mapping[str, Line], *, cwd: Path) -> _Model:
    """Validate, and put what pydantic says into words with the place of each value.

    Raises:
        SettingsError: every wrong setting at once.
    """
    values: dict[str, str | Path] = {name: line.value for name, line in lines.items()}
    for name, line in lines.items():
        if model.model_fields[name].annotation is Path and not line.value.startswith("~"):
            values[name] = cwd / line.value
    try:
        return model(**values)
    except ValidationError as error:
        wrong = dict.fromkeys(str(problem["loc"][0]) for problem in error.errors(include_input=False))
        raise SettingsError("\n".join(_sentence(model, name, lines[name]) for name in wrong)) from None


def keys_in(otel: Mapping[str, str]) -> tuple[str, ...]:
    """What of OTEL_* must never be told: the headers by which a collector knows who sends, whole and one by one."""
    texts = [value for name, value in otel.items() if name.endswith(_OTEL_KEYS)]
    values = [pair.partition("=")[2].strip() for text in texts for pair in text.split(",")]
    return (*texts, *values, *map(unquote, values))


def allowed(field: FieldInfo) -> str:
    """What may be written, in words."""
    return next(item.text for item in field.metadata if isinstance(item, Allowed))


def is_secret(field: FieldInfo) -> bool:
    """Whether the value must not be shown."""
    return field.annotation is SecretStr


def _sentence(model: type[BaseModel], name: str, line: Line) -> str:
    field = model.model_fields[name]
    # Quoted as JSON: a value may hold line ends.
    shown = json.dumps(line.value[:_LONGEST_SHOWN], ensure_ascii=False)
    value = "has a value that is not allowed (not shown)" if is_secret(field) else f"is {shown}"
    return f"{line.name} in {line.where} {value}; allowed: {allowed(field)}."


def _given(lines: Iterable[Line]) -> dict[str, Line]:
    """The lines that say something, by today's name; an old name counts where the new one is not given."""
    told = {line.name: line for line in lines if line.value.strip()}
    old = {new: told.pop(name) for name, new in _OLD_NAMES.items() if name in told}
    return {**old, **told}


def _unquoted(value: str, *, secret: bool) -> str:
    """`docker run --env-file` leaves the quotes of NAME="value" in the value; a password may begin with one."""
    inner = value.strip()
    if len(inner) > 1 and inner[0] in _QUOTES and inner[-1] == inner[0] and (not secret or inner[1:-1] == ""):
        return inner[1:-1]
    return value if secret else inner


def _is_secret(fields: Mapping[str, FieldInfo], name: str) -> bool:
    return name.lower() in fields and is_secret(fields[name.lower()])


def _unknown(lines: Iterable[Line], names: Mapping[str, str]) -> Iterable[str]:
    for line in lines:
        if line.name in names or line.name in _OLD_NAMES or line.name.startswith(_OTEL):
            continue
        close = difflib.get_close_matches(line.name, names, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        yield f"{line.name} in {line.where} is not a setting and is left aside.{hint}"
