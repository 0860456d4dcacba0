"""A graph as text of Mermaid, which draws it in Markdown, and as a picture (SVG)."""

from html import escape

from pixyz_scheduler.jobs.graph import THEN, Graph
from pixyz_scheduler.jobs.job import JobId
from pixyz_scheduler.jobs.report import JobReport

_COLOURS = {
    "SUCCESS": "#2e7d32",
    "FAILURE": "#c62828",
    "REVOKED": "#6d4c41",
    "REJECTED": "#6d4c41",
    "RUNNING": "#1565c0",
    "STARTED": "#1565c0",
    "RETRY": "#ef6c00",
}
_WAITING = "#607d8b"
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _MARGIN = 190, 52, 70, 18, 20
_LONGEST = 23
_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"
 font-family="system-ui, sans-serif" font-size="12">
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 8 4 0 8z" fill="#78909c"/></marker></defs>"""


def mermaid(graph: Graph) -> str:
    """As a flowchart, from left to right."""
    nodes = graph.nodes
    names = {report.job.id: f"n{number}" for number, report in enumerate(nodes)}
    lines = ["flowchart LR"]
    for report in nodes:
        label = "<br/>".join(_quoted(line) for line in _label(report))
        lines.append(f'  {names[report.job.id]}["{label}"]:::{report.status.value}')
    for edge in sorted(graph.edges, key=lambda edge: (names[edge.end], names[edge.start])):
        arrow = "-->" if edge.kind == THEN else "-.->"
        lines.append(f"  {names[edge.start]} {arrow} {names[edge.end]}")
    states = sorted({report.status.value for report in nodes})
    lines += [f"  classDef {state} fill:{_COLOURS.get(state, _WAITING)},color:#fff,stroke:none" for state in states]
    return "\n".join(lines) + "\n"


def svg(graph: Graph) -> str:
    """As a picture: a column a step, from left to right."""
    places = _places(graph)
    width = _MARGIN + max(x for x, _ in places.values()) + _WIDTH
    height = _MARGIN + max(y for _, y in places.values()) + _HEIGHT
    lines = [_HEAD.format(width=width, height=height)]
    for edge in graph.edges:
        (x, y), (to_x, to_y) = places[edge.start], places[edge.end]
        x, y, to_y, half = x + _WIDTH, y + _HEIGHT // 2, to_y + _HEIGHT // 2, _ACROSS // 2
        dash = "" if edge.kind == THEN else ' stroke-dasharray="4 3"'
        lines.append(
            f'<path d="M{x} {y}C{x + half} {y} {to_x - half} {to_y} {to_x} {to_y}" fill="none" stroke="#78909c"{dash} '
            'marker-end="url(#tip)"/>'
        )
    lines += [_box(report, *places[report.job.id]) for report in graph.nodes]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _places(graph: Graph) -> dict[JobId, tuple[int, int]]:
    rows: dict[int, int] = {}
    places = {}
    ranks = graph.ranks()
    for report in graph.nodes:
        job_id, rank = report.job.id, ranks[report.job.id]
        row = rows.get(rank, 0)
        rows[rank] = row + 1
        places[job_id] = (_MARGIN + rank * (_WIDTH + _ACROSS), _MARGIN + row * (_HEIGHT + _DOWN))
    return places


def _box(report: JobReport, x: int, y: int) -> str:
    first, second = _label(report)
    middle = x + _WIDTH // 2
    colour = _COLOURS.get(report.status.value, _WAITING)
    told = escape(f"{report.job.id} {report.error or ''}".strip())
    return (
        f'<g fill="#fff" text-anchor="middle"><title>{told}</title>'
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="{colour}"/>'
        f'<text x="{middle}" y="{y + 22}" font-weight="600">{escape(first)}</text>'
        f'<text x="{middle}" y="{y + 40}">{escape(second)}</text></g>'
    )


def _label(report: JobReport) -> tuple[str, str]:
    job = report.job
    name = job.options.entrypoint if job.parent or job.process == "custom" else job.process
    took = "" if (seconds := report.duration) is None else f", {seconds:.2f} s"
    name = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return name, f"{report.status.value} on {report.queue}{took}"


def _quoted(text: str) -> str:
    return escape(text).replace("&#x27;", "'").replace("&", "#").replace("##", "#")
