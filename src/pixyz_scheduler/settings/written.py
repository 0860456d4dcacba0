"""How a value is written into pixyz-scheduler.conf, so that all who read the file read the same."""

from __future__ import annotations

import re

from pixyz_scheduler.errors import SettingsError

# Read alike bare by our reader, Compose 1 and 2, `docker run --env-file` and systemd's EnvironmentFile.
_BARE = re.compile(r"[A-Za-z0-9_./:,@%+=~*^-]*")
# What even within single quotes they read each in their own way.
_NEVER = ("'", "\\", "${", "\n", "\r", "\0")


def written(name: str, value: str) -> str:
    """The line `NAME=value`, with quotes where it needs them.

    Raises:
        SettingsError: a value that cannot be written so that all read the same.
    """
    if _BARE.fullmatch(value):
        return f"{name}={value}"
    if any(sign in value for sign in _NEVER) or value != value.strip():
        raise SettingsError(
            f"{name} cannot stand in the file: its value has a quote ('), a backslash, ${{, a line end, or an outer "
            "blank; Compose, systemd and this program read those each in its own way. Choose another, or set it in "
            "the environment."
        )
    return f"{name}='{value}'"
