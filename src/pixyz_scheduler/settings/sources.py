"""What the environment and the file say, put together, and the errors that name where each value stands."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.settings import conf_file
from pixyz_scheduler.settings.conf_file import Line
from pixyz_scheduler.settings.types import Allowed

OLD_NAMES = {"LOGLEVEL": "LOG_LEVEL"}
"""What a setting was called once -> what it is called."""
_LONGEST_SHOWN = 200
# What OpenTelemetry's SDK reads by itself; its names are no settings of ours, and no mistake.
_OTEL = "OTEL_"
_OTEL_KEYS = "_HEADERS"
# How much alike a name in the environment must be to one of ours to be taken for a slip; shorter ones are words.
_SLIP = 0.85
_SHORTEST_SLIP = 6
_QUOTES = ('"', "'")
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Gathered:
    """What both sources say.

    Attributes:
        lines: every setting that is given, by field name.
        warnings: what the user should be told.
        problems: what of the file cannot be read.
        path: of the file; None where there is none.
        in_file: its lines, top to bottom, known names and others.
        otel: OTEL_* of both, for OpenTelemetry.
    """

    lines: Mapping[str, Line]
    warnings: tuple[str, ...]
    problems: tuple[str, ...] = ()
    path: Path | None = None
    in_file: tuple[Line, ...] = ()
    otel: Mapping[str, str] = field(default_factory=dict)


def gather(fields: Mapping[str, FieldInfo], *, environ: Mapping[str, str], cwd: Path) -> Gathered:
    """Read both sources; later lines win over earlier ones, the environment over the file."""
    names = {name.upper(): name for name in fields}
    path = next((place for place in conf_file.places(environ=environ, cwd=cwd) if place.is_file()), None)
    content = conf_file.read(path, environ=environ) if path else conf_file.Content(())
    in_environ = [
        Line(name, _unquoted(value, secret=_is_secret(fields, name)), "the environment")
        for name, value in environ.items()
        if name in names or name in OLD_NAMES
    ]
    lines = {
        names[name]: line for name, line in {**_given(content.lines), **_given(in_environ)}.items() if name in names
    }
    otel = {line.name: line.value.strip() for line in content.lines if line.name.startswith(_OTEL)}
    otel |= {name: _unquoted(value, secret=False) for name, value in environ.items() if name.startswith(_OTEL)}
    return Gathered(
        lines,
        (*_unknown(content.lines, names), *_misspelt(environ, names)),
        content.problems,
        path,
        content.lines,
        {name: value for name, value in otel.items() if value},
    )


def build(model: type[_Model], lines: Mapping[str, Line], *, cwd: Path) -> _Model:
    """Validate.

    Raises:
        SettingsError: every wrong setting at once.
    """
    try:
        return model(**_values(model, lines, cwd))
    except ValidationError as error:
        raise SettingsError("\n".join(_in_words(model, lines, error).values())) from None


def wrong(model: type[_Model], lines: Mapping[str, Line], *, cwd: Path) -> dict[str, str]:
    """The wrong settings: field name -> what pydantic says, in words with the place of the value."""
    try:
        model(**_values(model, lines, cwd))
    except ValidationError as error:
        return _in_words(model, lines, error)
    return {}


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


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The setting that was meant, should it be one."""
    close = difflib.get_close_matches(name, names, n=1)
    return close[0] if close else None


def _values(model: type[BaseModel], lines: Mapping[str, Line], cwd: Path) -> dict[str, str | Path]:
    values: dict[str, str | Path] = {name: line.value for name, line in lines.items()}
    for name, line in lines.items():
        if model.model_fields[name].annotation is Path and not line.value.startswith("~"):
            values[name] = cwd / line.value
    return values


def _in_words(model: type[BaseModel], lines: Mapping[str, Line], error: ValidationError) -> dict[str, str]:
    names = dict.fromkeys(str(problem["loc"][0]) for problem in error.errors(include_input=False))
    return {name: _sentence(model, name, lines[name]) for name in names}


def _sentence(model: type[BaseModel], name: str, line: Line) -> str:
    field = model.model_fields[name]
    # Quoted as JSON: a value may hold line ends.
    shown = json.dumps(line.value[:_LONGEST_SHOWN], ensure_ascii=False)
    value = "has a value that is not allowed (not shown)" if is_secret(field) else f"is {shown}"
    return f"{line.name} in {line.where} {value}; allowed: {allowed(field)}."


def _given(lines: Iterable[Line]) -> dict[str, Line]:
    """The lines that say something, by today's name; an old name counts where the new one is not given."""
    told = {line.name: line for line in lines if line.value.strip()}
    old = {new: told.pop(name) for name, new in OLD_NAMES.items() if name in told}
    return {**old, **told}


def _unquoted(value: str, *, secret: bool) -> str:
    """`docker run --env-file` leaves the quotes of NAME="value" in the value; a password may begin with one."""
    inner = value.strip()
    if len(inner) > 1 and inner[0] in _QUOTES and inner[-1] == inner[0] and (not secret or inner[1:-1] == ""):
        return inner[1:-1]
    return value if secret else inner


def _is_secret(fields: Mapping[str, FieldInfo], name: str) -> bool:
    return name.lower() in fields and is_secret(fields[name.lower()])


def _unknown(lines: Iterable[Line], names: Mapping[str, str]) -> Iterator[str]:
    for line in lines:
        if line.name in names or line.name in OLD_NAMES or line.name.startswith(_OTEL):
            continue
        close = nearest(line.name, names)
        hint = f" Did you mean {close}?" if close else ""
        yield f"{line.name} in {line.where} is not a setting and is left aside.{hint}"


def _misspelt(environ: Mapping[str, str], names: Mapping[str, str]) -> Iterator[str]:
    """The environment is full of names of others: one that is a slip away from ours is told, the rest is not ours."""
    for name in environ:
        if name in names or name in OLD_NAMES or name.startswith(_OTEL) or len(name) < _SHORTEST_SLIP:
            continue
        close = difflib.get_close_matches(name, names, n=1, cutoff=_SLIP)
        if close and name.count("_") == close[0].count("_"):
            yield f"{name} in the environment is not a setting and is left aside. Did you mean {close[0]}?"
