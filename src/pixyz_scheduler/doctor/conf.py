"""The check of settings: what of the environment and of pixyz-scheduler.conf is wrong, forgotten or seen by others."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from pixyz_scheduler.findings import Finding, error, ok, warning
from pixyz_scheduler.launcher.api_key import kept_at
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.survey import Survey
from pixyz_scheduler.settings.table import rows

_NAME = "settings"
# Keys that everybody tries first; the first is what the hash of nothing is.
_GUESSED = (
    *("", "password", "admin", "secret", "changeme", "change-me", "test", "key", "my key", "token", "root", "pixyz"),
    *("pixyz-scheduler", "default", "god", "123456", "12345678", "123456789", "qwerty", "letmein"),
)


@dataclass(frozen=True)
class ConfFacts:
    """What is seen of the file and the key.

    Attributes:
        mode: permission bits of the file; None where there is none, or they mean nothing.
        up_has_key: `up` has made one of its own on this machine.
    """

    mode: int | None
    up_has_key: bool


def look_at(survey: Survey) -> Iterator[Finding]:
    """What is to be said of them."""
    mode = survey.path.stat().st_mode if survey.path is not None and os.name == "posix" else None
    yield from judge(survey, ConfFacts(mode, kept_at(survey.settings.data_path).exists()))


def judge(survey: Survey, facts: ConfFacts) -> Iterator[Finding]:
    """What the facts mean."""
    if survey.path is None:
        yield ok(_NAME, "no pixyz-scheduler.conf: the environment and the defaults hold")
    else:
        yield ok(_NAME, f"read from {survey.path} and the environment")
    for problem in survey.problems:
        yield error(_NAME, problem, "Mend it: api, worker and up do not start. Here the default is used instead.")
    for unknown in survey.unknown:
        yield warning(_NAME, unknown, "Mend the name, or remove it.")
    for doubled in survey.doubled:
        yield warning(_NAME, doubled, "Remove the other.")
    for old in survey.old:
        yield warning(_NAME, old, "It still works; write the new one.")
    yield from _readers(survey, facts.mode)
    yield from _key(survey, facts)


def _readers(survey: Survey, mode: int | None) -> Iterator[Finding]:
    held = [
        row.name
        for row in rows(Settings.model_fields)
        if row.secret and (survey.settings.origin(row.name) or "").startswith(str(survey.path))
    ]
    if mode is None or not held or not mode & (stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH):
        return
    yield warning(
        _NAME,
        f"{survey.path} can be read or changed by others (mode {stat.S_IMODE(mode):04o}), and holds {', '.join(held)}",
        f"chmod 600 {survey.path}, or 640 with a group of those who run this.",
    )


def _key(survey: Survey, facts: ConfFacts) -> Iterator[Finding]:
    guessed = [row.name for row in rows(Settings.model_fields) if row.secret and _is_guessed(survey.settings, row.name)]
    for name in guessed:
        what = (
            f"{name} in {survey.settings.origin(name)} is the hash of nothing, or of a word that everybody tries first"
        )
        yield error("key", what, "Take another key: pixyz-scheduler init shows a fresh one.")
    if "GOD_PASSWORD_SHA256" in guessed:
        return
    if survey.settings.god_password_sha256.get_secret_value():
        yield ok("key", "GOD_PASSWORD_SHA256 is set")
    elif facts.up_has_key:
        yield ok("key", "the one that `up` has made; for `api` alone GOD_PASSWORD_SHA256 must be set")
    else:
        yield warning(
            "key",
            "GOD_PASSWORD_SHA256 is not set: `api` does not start (`up` makes a key of its own, workers need none)",
            "pixyz-scheduler init writes a file with a fresh one.",
        )


def _is_guessed(settings: Settings, name: str) -> bool:
    held = getattr(settings, name.lower()).get_secret_value()
    return held in {hashlib.sha256(word.encode()).hexdigest() for word in _GUESSED}
