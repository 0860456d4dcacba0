#!/usr/bin/env python3
"""Writes docs/reference/settings.md from the code; with --check only says whether it is as the code says."""

import sys
from collections import defaultdict
from pathlib import Path
from typing import cast

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.sources import allowed

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "settings.md"

HEAD = """\
# Settings

<!-- Made by scripts/settings_docs.py from settings/settings.py: edit that, then run scripts/docs. -->

A setting is read from the environment, else from the first `pixyz-scheduler.conf` found: in the working directory,
then `/etc/pixyz-scheduler.conf` (on Windows `%APPDATA%\\PixyzSDK\\`, then `%ProgramData%\\PixyzSDK\\`).

```ini
# NAME=value, one a line; quotes and comments as in a .env file
SHARE_PATH=/mnt/share
QUEUE_NAME=cpu,control     # what this machine works on
```

- An empty value means the default.
- A wrong value stops the program with one line that names the setting, the file and line, and what is allowed.
- A name in the file that is no setting is a warning.
- A relative folder counts from the working directory; `~` is the home folder; `${NAME}` in the file takes the value of
  a variable of the environment or of an earlier line.
- `LOGLEVEL`, the old name of `LOG_LEVEL`, still works.
"""

# Defaults that depend on the machine.
WORDS = {
    "data_path": "`~/.local/share/pixyz-scheduler` (Linux)",
    "share_path": "`/tmp/share`",
    "process_path": "the package's own",
    "script_environments": "`~/.cache/pixyz-scheduler/environments` (Linux)",
    "isolation": "`fork` on Linux, else `spawn`",
}


def main() -> int:
    """Write the page, or compare it."""
    page = whole_page()
    if "--check" not in sys.argv[1:]:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    print("docs/reference/settings.md is not what settings/settings.py says: run scripts/docs", file=sys.stderr)
    return 1


def whole_page() -> str:
    """The page, a table for each section."""
    sections: dict[str, list[str]] = defaultdict(list)
    for name, field in Settings.model_fields.items():
        extra = cast("dict[str, str]", field.json_schema_extra)
        sections[extra["section"]].append(
            f"| `{name.upper()}` | {default(name, field)} | {field.description} | {allowed(field)} |"
        )
    tables = [
        "\n".join([f"## {section}", "", "| name | default | meaning | allowed |", "|---|---|---|---|", *rows, ""])
        for section, rows in sections.items()
    ]
    return "\n".join([HEAD, *tables])


def default(name: str, field: FieldInfo) -> str:
    """The default as users would write it."""
    if name in WORDS:
        return WORDS[name]
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, tuple):
        value = ",".join(value)
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, float):
        value = f"{value:.15g}"
    return f"`{value}`" if value != "" else "empty"


if __name__ == "__main__":
    sys.exit(main())
