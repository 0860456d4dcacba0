"""The checks of the API's port: is it free, or does our API answer there, of which version, and is it ready."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx

from pixyz_scheduler.doctor.farm import versions
from pixyz_scheduler.doctor.port import refusal, url
from pixyz_scheduler.findings import Finding, error, ok
from pixyz_scheduler.settings.settings import Settings

_NAME = "api"
_PATIENCE = 5.0
_WELCOME = re.compile(r"Welcome to Pixyz Scheduler (\S+?)\. ")


@dataclass(frozen=True)
class ApiFacts:
    """What is seen of it.

    Attributes:
        refused: why nothing can listen there; empty where something can.
        version: of the API that answers; empty where none does.
        problems: what keeps it from working, by part.
    """

    refused: str = ""
    version: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)


def look_at(settings: Settings) -> Iterator[Finding]:
    """What is to be said of it."""
    yield from judge(read(settings.api_host, settings.api_port), settings.api_host, settings.api_port)


def read(host: str, port: int) -> ApiFacts:
    """Try the port, and ask who is there."""
    refused = refusal(host, port)
    if not refused:
        return ApiFacts()
    try:
        with httpx.Client(base_url=url(host, port), timeout=_PATIENCE, trust_env=False) as client:
            welcome = _WELCOME.match(client.get("/").text)
            if welcome is None:
                return ApiFacts(refused)
            said = client.get("/health/ready").json()
    except (httpx.HTTPError, ValueError):
        return ApiFacts(refused)
    return ApiFacts(refused, welcome[1], said.get("problems", {}))


def judge(facts: ApiFacts, host: str, port: int) -> Iterator[Finding]:
    """What they mean."""
    if not facts.refused:
        yield ok(_NAME, f"port {port} of {host} is free; no API runs here")
    elif not facts.version:
        what = f"port {port} of {host} cannot be used by the API: {facts.refused}, and what is there is no API of ours"
        yield error(_NAME, what, "Choose another by API_PORT (or API_HOST), or end what listens there.")
    else:
        yield ok(_NAME, f"the API answers on port {port}")
        for part, problem in facts.problems.items():
            yield error(_NAME, f"it is not ready, {part}: {problem}", "See docs/how-to/when-something-is-wrong.md.")
        yield from versions({"the API": facts.version})
