"""Chores: our own jobs, run in a child like any other and hidden from users' lists. Their names begin with "_"."""

from pathlib import Path

ARCHIVE = "_archive"


def is_chore(process: str) -> bool:
    """Whether a job of this process is our own."""
    return process.startswith("_")


def chore_path(process: str) -> Path:
    """The script of a chore."""
    return Path(__file__).with_name(f"{process.removeprefix('_')}.py")
