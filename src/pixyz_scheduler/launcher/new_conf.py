"""NewConf: a pixyz-scheduler.conf for who has none: every setting with its sentence, and a fresh key."""

from __future__ import annotations

import os
import secrets
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pixyz_scheduler import __version__
from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.launcher.api_key import digest_of
from pixyz_scheduler.settings import conf_file, sources
from pixyz_scheduler.settings.conf_file import Line
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.table import Row, sections
from pixyz_scheduler.settings.written import written

KEY = "GOD_PASSWORD_SHA256"

_WIDTH = 110
_OURS_ALONE = 0o600
_HEAD = """\
# pixyz-scheduler.conf, made by pixyz-scheduler {version}.
#
# NAME=value, one a line. A line that begins with # says nothing: take the # away to set what it shows. What is not
# set has its default, which is the value shown. Comments stand on lines of their own, so that all who read this file
# read the same: pixyz-scheduler, docker compose --env-file, systemd's EnvironmentFile=. A variable of the environment
# wins over a line here. What is wrong with it: pixyz-scheduler doctor. It holds secrets: keep it to those who run this.
"""


@dataclass(frozen=True)
class NewConf:
    """A file to be written.

    Attributes:
        text: all of it.
        key: the API key whose hash is in it, to be shown once; None where the user gave a hash.
    """

    text: str
    key: str | None


def compose(given: Mapping[str, str], *, cwd: Path, key: str) -> NewConf:
    """The file with these settings in it, by name; a relative folder counts from `cwd`, now and ever after.

    Args:
        given: what the user wants set; an empty value means the default.
        cwd: where the user stands.
        key: taken where no hash of one is given.

    Raises:
        SettingsError: a name that is none, a value that is not allowed, or one that cannot stand in a file.
    """
    lines = {name: value for name, value in _known(given).items() if value.strip()}
    told = {name.lower(): Line(name, value, "the command line") for name, value in lines.items()}
    settings = sources.build(Settings, told, cwd=cwd)
    for name in lines:
        # The working directory of whoever reads the file may be another.
        if isinstance(path := getattr(settings, name.lower()), Path):
            lines[name] = str(path)
    shown = None if KEY in lines else key
    if shown is not None:
        lines[KEY] = digest_of(shown)
    text = "".join(_text({name: written(name, value) for name, value in lines.items()}))
    return NewConf(text, shown)


def put(text: str, path: Path, *, force: bool = False) -> None:
    """Write the file, for its owner alone.

    Args:
        text: all of it.
        path: where.
        force: in place of one that is there.

    Raises:
        SettingsError: there is one, or it cannot be written.
    """
    target = path.with_name(f"{path.name}.{secrets.token_hex(8)}") if force else path
    try:
        _write(target, text)
        if force:
            target.replace(path)
    except FileExistsError:
        raise SettingsError(
            f"{path} is there already: nothing was written. What is wrong with it: pixyz-scheduler doctor. "
            "A new one, with a new key and nothing of the old one: --force. Another place: --path FILE."
        ) from None
    except OSError as error:
        if force:
            target.unlink(missing_ok=True)
        raise SettingsError(f"{path} cannot be written: {error.strerror}.") from error


def remarks(path: Path, *, environ: Mapping[str, str], cwd: Path) -> Iterator[str]:
    """What keeps the new file from being read by whoever starts a program here, in words."""
    places = conf_file.places(environ=environ, cwd=cwd)
    if path not in places:
        yield (
            f"Programs started here do not look for {path}: they read the first of "
            f"{', '.join(map(str, places))}. It is for docker compose --env-file, or systemd's EnvironmentFile=."
        )
        return
    number = places.index(path)
    for earlier in places[:number]:
        if earlier.is_file():
            yield f"Programs started here read {earlier}, which comes first, and not {path}."
    for later in places[number + 1 :]:
        if later.is_file():
            yield f"{later} is there too: programs started here read {path} alone."
    if environ.get(KEY):
        yield f"{KEY} is set in the environment, which wins over the file: the key is the one of that hash."


def _write(path: Path, text: str) -> None:
    # O_EXCL: whoever made it meanwhile keeps theirs.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OURS_ALONE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _known(given: Mapping[str, str]) -> dict[str, str]:
    """By today's names, in capitals."""
    known = {name.upper() for name in Settings.model_fields}
    found: dict[str, str] = {}
    for asked, value in given.items():
        name = sources.OLD_NAMES.get(asked.upper(), asked.upper())
        if name not in known:
            close = sources.nearest(name, known)
            raise SettingsError(f"{asked} is not a setting.{f' Did you mean {close}?' if close else ''}")
        found[name] = value
    return found


def _text(lines: Mapping[str, str]) -> Iterator[str]:
    yield _HEAD.format(version=__version__)
    for section, rows in sections(Settings.model_fields).items():
        yield f"\n\n# ---- {section} ----\n"
        for row in rows:
            yield "\n"
            yield from (f"# {line}\n" for line in _comment(row))
            yield f"{lines[row.name]}\n" if row.name in lines else f"#{row.name}={row.default or ''}\n"


def _comment(row: Row) -> Iterator[str]:
    default = f" Default: {row.default_in_words}." if row.default is None else ""
    for sentence in (row.sentence, f"Allowed: {row.allowed}.{default}"):
        yield from textwrap.wrap(sentence, _WIDTH, break_on_hyphens=False, break_long_words=False)
