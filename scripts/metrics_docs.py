"""The page docs/reference/metrics.md, from monitoring/names.py."""

from collections.abc import Iterable
from pathlib import Path

from pixyz_scheduler.jobs.queues import NAMED_QUEUES
from pixyz_scheduler.monitoring.names import ALL, FAILURES, Named, Teller

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "metrics.md"

HEAD = """\
# Metrics

<!-- Made by scripts/metrics_docs.py from monitoring/names.py: edit that, then run scripts/docs. -->

The API answers `GET /metrics` (with the key), and a worker with `METRICS_PORT` does so on a port of its own (without a
key), in Prometheus' text format. [Monitor a farm](../how-to/monitor.md) tells how to scrape, alert and draw them. Names
and labels here stay as they are; new ones may come. `process_*` of the Prometheus library (memory, processor, files)
come with both.

- **Queues.** The known ones ({queues}) and those on which a worker has ever listened, a
  hundred at most, have figures of their own; all others together are `other`. Who sends jobs can make no series.
- **Processes.** Those of the catalog by name; every script of a user's own is `custom`.
- **Outcomes** of jobs: `success`, `cancelled`, or the cause of the failure: {causes}.
  The causes of a retry are the same words.
- **Histograms** have buckets from 1 ms to 10000 s, in steps of 1, 2, 5.
- **A look at the store costs the same** however many jobs there are, and each API makes one a second at most, however
  many scrape. While the store is away, what it would tell is missing, and `pixyz_store_up` is 0.
"""

FARM = """\
Counted in the store, and so **the same from every API**: with several of them take `max`, never `sum`; of counters and
histograms `max by (le, queue) (rate(...))`. They outlive APIs and workers. In a store that was emptied they begin at 0,
as a counter does after any restart. What `admin reconcile` brings back is not counted a second time."""

TELLERS: dict[Teller, tuple[str, str]] = {
    "farm": ("The whole farm, told by any API", FARM),
    "here": (
        "What each API and worker sees",
        "From every process its own view: `min` says whether one of them has trouble.",
    ),
    "api": ("Each API, of itself", "From the start of the process: `sum` over all APIs."),
    "worker": (
        "Each worker, of itself",
        "With `METRICS_PORT`; `sum` over all workers. The farm's own figures are not repeated here.",
    ),
}
TABLE = ["| name | kind | labels | together | |", "|---|---|---|---|---|"]


def page() -> str:
    """The page, whole."""
    head = HEAD.format(queues=_words(NAMED_QUEUES), causes=_words(FAILURES))
    return "\n".join([head, *(_section(teller) for teller in TELLERS)])


def _section(teller: Teller) -> str:
    title, words = TELLERS[teller]
    rows = [_row(named) for named in ALL if named.teller == teller]
    return "\n".join(
        [f"## {title}", "", words, "", "| name | kind | labels | together | |", "|---|---|---|---|---|", *rows, ""]
    )


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _row(named: Named) -> str:
    return f"| `{named.name}` | {named.kind} | {_words(named.labels)} | `{named.together}` | {named.text} |"


def made() -> dict[Path, str]:
    """The page that is made."""
    return {PAGE: page()}
