"""The chapters of docs/reference/cli.md, from the commands' own help."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from pixyz_scheduler.cli.main import make_app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "cli.md"
MARK = "<!-- From here on made by scripts/cli_docs.py from the commands' own help. -->\n"


def made() -> dict[Path, str]:
    """The page whose chapters are made."""
    page = PAGE.read_text(encoding="utf-8")
    return {PAGE: page[: page.index(MARK)] + MARK + "".join(chapters())}


def chapters() -> list[str]:
    """One chapter a command, in the order of the help."""
    return [_chapter(name, command) for name, command in _commands(get_command(make_app())) if not command.hidden]


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """The commands of a group and of the groups in it, each by its whole name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _chapter(name: str, command: Any) -> str:
    example = (command.epilog or "").removeprefix("Example: ")
    rows = "".join(f"| {_flags(option)} | {_meaning(option)} |\n" for option in command.params)
    table = f"| option | meaning |\n|---|---|\n{rows}\n" if rows else ""
    return f"\n## `{name}`\n\n{command.help}\n\n    {example}\n\n{table}".rstrip("\n") + "\n"


def _flags(option: Any) -> str:
    if option.param_type_name == "argument":
        return f"`{option.metavar or option.name.upper()}`".replace("|", "\\|")
    value = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    return ", ".join(f"`{flag}{value}`" for flag in option.opts).replace("|", "\\|")


def _meaning(option: Any) -> str:
    text = f"{option.help.removesuffix('.')}. Required." if option.required else option.help
    return text.replace("|", "\\|")
