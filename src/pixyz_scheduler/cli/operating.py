"""The commands that look at a farm and change it: stats, tasks, queue, workers, purge, drain. Straight on the store."""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from pixyz_scheduler.cli import options, render, server
from pixyz_scheduler.cli.table import seconds, table

_STORE = "Asks the store itself: settings as of the workers (pixyz-scheduler.conf and the environment), no API key."
_Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]
_OneQueue = Annotated[
    str | None, typer.Option("-q", "--queue", metavar="QUEUE", help="Only this queue. Default: every queue.")
]


def register(admin: typer.Typer, app: typer.Typer) -> None:
    """Add the commands to `admin`, and those that were there before it to the whole."""
    commands: dict[str, tuple[Callable[..., None], str]] = {
        "stats": (stats, ""),
        "tasks": (tasks, "-a"),
        "queue": (queue, "-l"),
        "workers": (workers, ""),
        "purge": (purge, "-q cpu"),
        "drain": (drain, "--all"),
    }
    for name, (function, example) in commands.items():
        text = f"{(function.__doc__ or '').strip()}\n\n{_STORE}"
        epilog = f"Example: pixyz-scheduler admin {name} {example}".rstrip()
        admin.command(name, help=text, epilog=epilog)(function)
        if name in ("stats", "tasks", "queue"):
            app.command(name, help=text, epilog=epilog.replace(" admin ", " "), hidden=True)(function)


def stats(*, as_json: options.AsJson = False) -> None:
    """Show the farm in figures. Workers, slots, jobs by state, licences, the store."""
    found = server.operator().stats()
    if as_json:
        render.as_json(found)
        return
    memory = found["store"]["memory"]
    tokens = "" if found["licence_tokens"] is None else f" of {found['licence_tokens']}"
    trouble = f", {found['in_trouble']} in trouble" if found["in_trouble"] else ""
    rows = {
        "workers": f"{found['workers']} ({found['draining']} draining{trouble})",
        "slots": f"{found['busy']} of {found['slots']} busy",
        "running": found["running"],
        "waiting": f"{found['waiting']} in line, {found['delayed']} between attempts, {found['parked']} for a licence",
        "licences": f"{found['licences']}{tokens} taken",
        "jobs": ", ".join(f"{state} {count}" for state, count in found["jobs"].items()) or "none",
        "store": found["store"]["server"] + ("" if memory is None else f", {memory / 1048576:.1f} MiB"),
    }
    render.lines([f"{name + ':':10}{value}" for name, value in rows.items()])


def tasks(
    *,
    active: Annotated[
        bool, typer.Option("-a", "--active", help="Jobs at work, or awaiting those they have started. The default.")
    ] = False,
    scheduled: Annotated[bool, typer.Option("-s", "--scheduled", help="Jobs between two attempts.")] = False,
    reserved: Annotated[bool, typer.Option("-r", "--reserved", help="Jobs that wait in line, in their order.")] = False,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", metavar="N", min=1, show_default=False, help="Show at most so many of each. Default: 100"
        ),
    ] = 100,
    as_json: options.AsJson = False,
) -> None:
    """Show jobs at work, between two attempts, and in line."""
    asked = {"active": active, "scheduled": scheduled, "reserved": reserved}
    kinds = [kind for kind, wanted in asked.items() if wanted] or ["active"]
    operator = server.operator()
    found = {kind: operator.tasks(kind, limit=limit) for kind in kinds}
    if as_json:
        render.as_json(found)
        return
    rows = [_task(kind, job) for kind in kinds for job in found[kind]]
    _show(("uuid", "task", "status", "queue", "age", "worker", "name"), rows)


def queue(
    *,
    listed: Annotated[bool, typer.Option("-l", "--list", help="Show every queue. The default.")] = False,
    purged: Annotated[bool, typer.Option("-p", "--purge", help="Cancel what waits, as `purge` does.")] = False,
    name: _OneQueue = None,
    yes: _Yes = False,
    as_json: options.AsJson = False,
) -> None:
    """Show the queues; or purge them. How long each is, who listens, and how long its oldest job waits."""
    if listed and purged:
        raise typer.BadParameter("either of the two", param_hint="'-l' / '-p'")
    if purged:
        _purge(name, yes=yes, as_json=as_json)
        return
    found = [each for each in server.operator().queues() if name in (None, each["queue"])]
    if as_json:
        render.as_json({"queues": found})
        return
    heads = ("queue", "waiting", "delayed", "parked", "running", "listeners", "oldest")
    _show(heads, [[*(str(each[head]) for head in heads[:-1]), seconds(each["oldest"])] for each in found])


def workers(*, as_json: options.AsJson = False) -> None:
    """Show the living workers. What they listen to, how busy they are, and what keeps them from working."""
    found = server.operator().workers()
    if as_json:
        render.as_json({"workers": found})
        return
    rows = [
        [
            each["name"],
            f"{each['busy']}/{each['slots']}",
            "draining" if each["draining"] else "trouble" if each["trouble"] else "ready",
            seconds(each["age"]),
            each["version"],
            ",".join(each["queues"]),
        ]
        for each in found
    ]
    _show(("worker", "busy", "state", "age", "version", "queues"), rows)
    for each in found:
        if each["trouble"]:
            render.note(f"{each['name']}: {each['trouble']}")


def purge(*, name: _OneQueue = None, yes: _Yes = False, as_json: options.AsJson = False) -> None:
    """Cancel all jobs that wait. What runs is left alone; its jobs are REVOKED and keep their files."""
    _purge(name, yes=yes, as_json=as_json)


def drain(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="WORKER", help="Workers, as `admin workers` names them.")
    ] = None,
    *,
    everyone: Annotated[bool, typer.Option("--all", help="Every worker there is now.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Have workers leave, wherever they run. No new jobs; what runs has DRAIN_TIMEOUT, then goes to another worker."""
    if bool(names) == everyone:
        raise typer.BadParameter("name workers, or give --all", param_hint="'WORKER'")
    told = server.operator().drain(None if everyone else names)
    if as_json:
        render.as_json({"draining": told})
    else:
        render.lines(told)


def _purge(name: str | None, *, yes: bool, as_json: bool) -> None:
    operator = server.operator()
    if not yes:
        waiting = sum(
            each["waiting"] + each["delayed"] + each["parked"]
            for each in operator.queues()
            if name in (None, each["queue"])
        )
        where = "all queues" if name is None else f"queue {name}"
        _ask(f"Cancel {waiting} waiting {'job' if waiting == 1 else 'jobs'} of {where}?")
    cancelled = operator.purge(name)
    if as_json:
        render.as_json({"cancelled": cancelled})
    else:
        render.line(f"{len(cancelled)} cancelled")


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody is here to be asked: give -y", param_hint="'-y'")
    if not render.agreed(question):
        raise typer.Abort


def _task(kind: str, job: Mapping[str, Any]) -> list[str]:
    age = job["running"] if job["running"] is not None else job["age"]
    when = f"in {seconds(job['due'])}" if job["due"] is not None else seconds(age)
    state = "parked" if job["parked"] else "awaiting" if job["awaiting"] else job["status"]
    return [job["uuid"], kind, state, job["queue"], when, job["worker"] or "-", job["name"] or ""]


def _show(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for eyes; in a pipe lines with tabs."""
    if sys.stdout.isatty():
        render.lines(table(heads, rows, width=shutil.get_terminal_size().columns))
    else:
        render.lines(["\t".join(row) for row in rows])
