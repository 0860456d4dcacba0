"""The commands that look into a job: logs, graph."""

import codecs
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from pixyz_scheduler.cli import exits, options, render
from pixyz_scheduler.cli.connection import connect

if TYPE_CHECKING:
    # Importing httpx costs 130 ms that --help need not pay.
    from pixyz_scheduler.client import Graph


class Format(str, Enum):
    """How a graph is shown."""

    text = "text"
    json = "json"
    mermaid = "mermaid"
    svg = "svg"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("logs", epilog="Example: pixyz-scheduler logs -j UUID -f")(show_logs)
    app.command("graph", epilog="Example: pixyz-scheduler graph -j UUID --format svg > graph.svg")(show_graph)


def show_logs(
    context: typer.Context,
    *,
    job: options.Job,
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", min=1, help="Which attempt, from 1. Default: the last one.")
    ] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with what it prints, to its end.")] = False,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what a job has printed, both streams. In a pipe as it is, byte for byte."""
    job = options.job_id(job)
    text = codecs.getincrementaldecoder("utf-8")("replace")
    try:
        with connect(context, token) as scheduler:
            for piece in scheduler.logs(job, attempt=attempt, follow=follow):
                if as_json:
                    render.as_json_line({"text": text.decode(piece)})
                elif render.is_read_by_eyes():
                    render.shown(text.decode(piece))
                else:
                    render.raw(piece)
    except KeyboardInterrupt as error:
        render.note(f"The job goes on. Read on: pixyz-scheduler logs -j {job} -f")
        raise typer.Exit(exits.INTERRUPTED) from error


def show_graph(
    context: typer.Context,
    *,
    job: options.Job,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            metavar="FORM",
            show_default=False,
            help="text (a tree with states and times; the default), json, mermaid or svg.",
        ),
    ] = Format.text,
    token: options.Token = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what a job has started, and when. And theirs: states, times, what comes after what."""
    job = options.job_id(job)
    with connect(context, token) as scheduler:
        if form in {Format.mermaid, Format.svg} and not as_json:
            render.line(scheduler.draw_graph(job, form.value).rstrip("\n"))
            return
        graph = scheduler.graph(job)
    if as_json or form is Format.json:
        render.as_json(graph.raw)
    else:
        _show_tree(graph)
        if not graph.complete:
            render.note("There are more jobs than these.")


def _show_tree(graph: "Graph") -> None:
    names = {node.id: node.name or node.entrypoint or node.id for node in graph.nodes}
    after: dict[str, list[str]] = {}
    for edge in graph.edges:
        if edge.kind == "then":
            after.setdefault(edge.target, []).append(names.get(edge.source, edge.source))
    rows = []
    for depth, node in graph.tree():
        kind = node.process if node.process and node.process != "custom" else node.entrypoint
        rows.append(
            [
                "  " * depth + (node.name or kind or node.id),
                node.status,
                "" if node.duration is None else f"{node.duration:.1f} s",
                node.queue or "",
                node.id,
                f"after {', '.join(after[node.id])}" if node.id in after else "",
            ]
        )
    render.tree(rows)
