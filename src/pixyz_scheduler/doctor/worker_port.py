"""The check of METRICS_PORT: is it free, or does a worker of ours tell there how it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx

from pixyz_scheduler.doctor import port
from pixyz_scheduler.findings import Finding, error, ok
from pixyz_scheduler.settings.settings import Settings

_NAME = "metrics"
_PATIENCE = 5.0


@dataclass(frozen=True)
class WorkerPortFacts:
    """What is seen of it.

    Attributes:
        refused: why nothing can listen there; empty where something can.
        problems: of the worker that answers, by part; None where none does.
    """

    refused: str = ""
    problems: Mapping[str, str] | None = None


def look_at(settings: Settings) -> Iterator[Finding]:
    """What is to be said of it; nothing where no port is wanted."""
    host, number = settings.metrics_host, settings.metrics_port
    if number:
        yield from judge(read(host, number), host, number)


def read(host: str, number: int) -> WorkerPortFacts:
    """Try the port, and ask who is there."""
    refused = port.refusal(host, number)
    if not refused:
        return WorkerPortFacts()
    try:
        said = httpx.get(f"{port.url(host, number)}/health/ready", timeout=_PATIENCE, trust_env=False).json()
        return WorkerPortFacts(refused, dict(said["problems"]))
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return WorkerPortFacts(refused)


def judge(facts: WorkerPortFacts, host: str, number: int) -> Iterator[Finding]:
    """What they mean."""
    if not facts.refused:
        yield ok(_NAME, f"METRICS_PORT {number} of {host} is free; no worker runs here with it")
    elif facts.problems is None:
        what = (
            f"METRICS_PORT {number} of {host} cannot be used: {facts.refused}, and what is there is no worker of ours"
        )
        yield error(_NAME, what, "Give each worker of a machine a port of its own, or end what listens there.")
    else:
        yield ok(_NAME, f"a worker tells on METRICS_PORT {number} how it is")
        for part, problem in facts.problems.items():
            yield error(_NAME, f"it takes no jobs, {part}: {problem}", "See docs/how-to/when-something-is-wrong.md.")
