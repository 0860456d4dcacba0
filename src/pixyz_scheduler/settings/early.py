"""early_log_format: how the log is to look, for who speaks before it is known whether the settings are good."""

from collections.abc import Mapping
from pathlib import Path

from pixyz_scheduler.errors import SettingsError
from pixyz_scheduler.settings import sources
from pixyz_scheduler.settings.settings import Settings

_NAME = "log_format"


def early_log_format(environ: Mapping[str, str], cwd: Path) -> str:
    """What LOG_FORMAT says, right or wrong, in small letters; of a file that cannot be read, the environment's."""
    fields = {_NAME: Settings.model_fields[_NAME]}
    try:
        line = sources.gather(fields, environ=environ, cwd=cwd).lines.get(_NAME)
    except SettingsError:
        return environ.get(_NAME.upper(), "").lower()
    return "" if line is None else line.value.lower()
