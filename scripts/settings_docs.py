"""The page docs/reference/settings.md, from the table of settings."""

from pathlib import Path

from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.table import sections

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "settings.md"

HEAD = """\
# Settings

<!-- Made by scripts/settings_docs.py from settings/settings.py: edit that, then run scripts/docs. -->

A setting is read from the environment, else from the first `pixyz-scheduler.conf` found: in the working directory,
then `/etc/pixyz-scheduler.conf` (on Windows `%APPDATA%\\PixyzSDK\\`, then `%ProgramData%\\PixyzSDK\\`).

```ini
# NAME=value, one a line, as in a .env file
SHARE_PATH=/mnt/share
# what this machine works on
QUEUE_NAME=cpu,control
```

`pixyz-scheduler init` writes one with every setting in it, `pixyz-scheduler doctor` says what is wrong with it:
[how to configure](../how-to/configure.md).

- An empty value means the default.
- A wrong value stops the program with one line that names the setting, the file and line, and what is allowed.
- A name in the file that is no setting is a warning, and so is one in the environment that is nearly one.
- Of a name that stands in the file twice, the last counts.
- Comments stand on lines of their own: systemd would take one behind a value for a part of it.
- A relative folder counts from the working directory; `~` is the home folder; `${NAME}` in the file takes the value of
  a variable of the environment or of an earlier line.
- `LOGLEVEL`, the old name of `LOG_LEVEL`, still works.
"""


def made() -> dict[Path, str]:
    """The page that is made."""
    return {PAGE: whole_page()}


def whole_page() -> str:
    """The page, a table for each section."""
    tables = [
        "\n".join(
            [
                f"## {section}",
                "",
                "| name | default | meaning | allowed |",
                "|---|---|---|---|",
                *(f"| `{row.name}` | {row.default_in_words} | {row.sentence} | {row.allowed} |" for row in rows),
                "",
            ]
        )
        for section, rows in sections(Settings.model_fields).items()
    ]
    return "\n".join([HEAD, *tables])
