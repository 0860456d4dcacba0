"""The checks of engine and licence: which one jobs get here, what it reads, and whether its licence is to be had."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pixyz_scheduler.engine.choice import EngineChoice
from pixyz_scheduler.engine.configured import engine_of
from pixyz_scheduler.findings import Finding, error, ok, warning
from pixyz_scheduler.settings.settings import Settings

PATIENCE = 90.0
"""Seconds for the check."""

_NAME = "engine"
_LOADING = 80.0
_CONNECTING = 5.0
_EXAMPLE_HOST = "license.example.com"


@dataclass(frozen=True)
class EngineFacts:
    """What a process that loaded it has said.

    Attributes:
        name: of the engine.
        absent: why there is none; empty where there is one.
        reads: formats.
        writes: formats.
        missing: libraries that are not there, each with what it costs and the command.
        versions: of the libraries that are.
        trouble: why it said nothing.
    """

    name: str = ""
    absent: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""


def look_at(settings: Settings) -> Iterator[Finding]:
    """What is to be said of them."""
    choice = engine_of(settings)
    if not choice.is_none:
        yield from judge(read(choice), choice)
    else:
        why = "DISABLE_PIXYZ" if choice.disabled else "ENGINE=none"
        yield ok(_NAME, f"none, by {why}: workers with these settings convert nothing")
    yield from judge_licence(choice, settings, _reach(choice))


def read(choice: EngineChoice) -> EngineFacts:
    """Load the engine in a process of its own, and ask."""
    command = [sys.executable, "-m", "pixyz_scheduler.doctor.engine_visit"]
    try:
        done = subprocess.run(  # noqa: S603  (our own module)
            command,
            env={**os.environ, **choice.to_environment()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LOADING,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return EngineFacts(trouble=f"it did not load within {_LOADING:g} s")
    lines = done.stdout.decode(errors="replace").splitlines()
    if done.returncode or not lines:
        last = (done.stderr.decode(errors="replace").splitlines() or ["without a word"])[-1]
        return EngineFacts(trouble=f"the process that loaded it ended with status {done.returncode}: {last}")
    said = json.loads(lines[-1])
    return EngineFacts(
        name=said["name"],
        absent=said.get("absent", ""),
        reads=tuple(said.get("reads", ())),
        writes=tuple(said.get("writes", ())),
        missing=tuple(said.get("missing", ())),
        versions=said["versions"],
    )


def judge(facts: EngineFacts, choice: EngineChoice) -> Iterator[Finding]:
    """What the facts mean."""
    if facts.trouble:
        yield error(
            _NAME, f"it cannot be loaded: {facts.trouble}", "Jobs would fail as this does: mend its installation."
        )
        return
    if facts.absent and choice.name == "auto":
        yield warning(_NAME, f"none is here: {facts.absent}", "Where the API alone runs, none is needed.")
        return
    if facts.absent:
        do = "As it says; or let the open engine do it (ENGINE=open), or say that none is wanted (ENGINE=none)."
        yield error(_NAME, facts.absent, do)
        return
    if choice.is_sdk:
        yield ok(_NAME, f"the Pixyz SDK, reads {len(facts.reads)} formats, writes {len(facts.writes)}")
        return
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    yield ok(_NAME, f"the open engine ({versions}), reads {len(facts.reads)} formats, writes {len(facts.writes)}")
    for missing in facts.missing:
        yield warning(_NAME, missing.rpartition(" Install it with: ")[0] or missing, missing.rpartition("with: ")[2])


def judge_licence(choice: EngineChoice, settings: Settings, trouble: str | None) -> Iterator[Finding]:
    """What is to be said of the licence; `trouble` is why its server, where it is wanted, cannot be reached."""
    name, terms = "licence", choice.licence
    if not choice.is_sdk:
        yield ok(name, "none is needed: the Pixyz SDK is not used here")
    elif not terms.flexlm:
        yield ok(name, "that of this machine; no server is asked (LICENSE_FLEXLM=false)")
    elif settings.origin("LICENSE_HOST") is None or terms.host == _EXAMPLE_HOST:
        do = "Set it and LICENSE_PORT; or LICENSE_FLEXLM=false where the machine has a licence of its own."
        yield error(name, "LICENSE_FLEXLM is on and LICENSE_HOST is not set", do)
    elif trouble is not None:
        do = "Mend LICENSE_HOST and LICENSE_PORT, the network, or the server."
        yield error(name, f"the server {terms.host}:{terms.port} cannot be reached: {trouble}", do)
    else:
        yield ok(
            name,
            f"the server {terms.host}:{terms.port} answers; whether it has a free one is seen when a worker starts",
        )
    if choice.is_sdk and settings.license_tokens == 0:
        yield ok(name, "LICENSE_TOKENS is 0: as many jobs at a time as the farm has slots")


def _reach(choice: EngineChoice) -> str | None:
    terms = choice.licence
    if not choice.is_sdk or not terms.flexlm or terms.host == _EXAMPLE_HOST:
        return None
    try:
        socket.create_connection((terms.host, terms.port), timeout=_CONNECTING).close()
    except OSError as trouble:
        return trouble.strerror or str(trouble)
    return None
