"""The commands of those who run a scheduler: admin reconcile, and those of `operating`."""

from collections import Counter
from typing import Annotated

import typer

from pixyz_scheduler.cli import exits, operating, options, render, server

_SHOWN = 1000
_NOT_RESTORED = ("known", "in line", "unreadable", "gone")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    admin = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="For those who run a scheduler.")
    admin.command("reconcile", epilog="Example: pixyz-scheduler admin reconcile --dry-run")(reconcile)
    operating.register(admin, app)
    app.add_typer(admin, name="admin", epilog="Example: pixyz-scheduler admin reconcile --dry-run")


def reconcile(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Rebuild a store that was lost from the share. Ended jobs are as they were, all others run again.

    Settings: pixyz-scheduler.conf and the environment, as of the API and the workers, beside which it may run.
    """
    counts: Counter[str] = Counter()
    unreadable: list[dict[str, str]] = []
    for finding in server.reconcile(dry_run=dry_run):
        counts[finding.what] += 1
        if finding.reason is not None:
            render.note(f"{finding.job_id}: {finding.reason}")
            if len(unreadable) < _SHOWN:
                unreadable.append({"uuid": finding.job_id, "reason": finding.reason})
    restored = {what: number for what, number in sorted(counts.items()) if what not in _NOT_RESTORED}
    if as_json:
        render.as_json(
            {
                "dry_run": dry_run,
                "restored": restored,
                "in_line": counts["in line"],
                "known": counts["known"],
                "gone": counts["gone"],
                "unreadable": {"count": counts["unreadable"], "jobs": unreadable},
            }
        )
    else:
        _show(counts, restored, dry_run=dry_run)
    raise typer.Exit(exits.REFUSED if counts["unreadable"] else 0)


def _show(counts: Counter[str], restored: dict[str, int], *, dry_run: bool) -> None:
    states = f"  ({', '.join(f'{state} {number}' for state, number in restored.items())})" if restored else ""
    would = "would be " if dry_run else ""
    render.lines(
        [
            f"{sum(restored.values()):8}  ended, {would}restored{states}",
            f"{counts['in line']:8}  not ended, {would}put back in line; what was tried of them before is not known",
            f"{counts['known']:8}  known to the store: left alone",
            f"{counts['unreadable']:8}  not readable: left alone, see above",
        ]
    )
