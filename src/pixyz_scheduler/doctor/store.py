"""The checks of the store: is it there, what is it, does it keep what it is told, does its clock go right."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.store_facts import StoreFacts, read_facts
from pixyz_scheduler.broker.store_server import OLDEST, find_server
from pixyz_scheduler.errors import StoreRefused, StoreUnavailable
from pixyz_scheduler.findings import Finding, error, ok, warning
from pixyz_scheduler.settings.settings import Settings
from pixyz_scheduler.settings.store_url import StoreUrl, results_database
from pixyz_scheduler.storage.space import in_words

TIMEOUT = 3.0
"""Seconds for a connection, and for an answer."""

_NAME = "store"
# Shares of the memory that it may have.
_TIGHT, _FULL = 0.75, 0.9
# Seconds that two clocks may be apart: less is the network's.
_APART = 2.0
_NEAR = ("127.0.0.1", "localhost", "::1", "[::1]")


@dataclass(frozen=True)
class Place:
    """Where the store is said to be.

    Attributes:
        shown: its address, without the password.
        is_near: on this machine.
        is_locked: a password is given.
        is_configured: the user named it.
        queues: its database of queues.
        results: its database of results.
    """

    shown: str
    is_near: bool = True
    is_locked: bool = False
    is_configured: bool = True
    queues: int = 0
    results: int = 0

    @classmethod
    def of(cls, settings: Settings) -> "Place":
        """Of these settings."""
        url: StoreUrl = settings.store
        access, _, host = url.place.rpartition("@")
        return cls(
            shown=url.socket or host,
            is_near=bool(url.socket) or host.rpartition(":")[0] in _NEAR,
            is_locked=bool(access),
            is_configured=settings.store_is_configured,
            queues=url.database,
            results=results_database(str(url.database)),
        )


def look_at(settings: Settings) -> Iterator[Finding]:
    """What is to be said of it."""
    place = Place.of(settings)
    try:
        with closing(connect(settings.store_url, timeout=TIMEOUT)) as client:
            facts = read_facts(client)
    except StoreUnavailable as trouble:
        yield away(place, str(trouble)) if place.is_configured else _own(settings)
        return
    yield from judge(facts, place)


def away(place: Place, trouble: str) -> Finding:
    """A store that does not serve."""
    if "does not let us in" in trouble:
        do = "Set REDIS_PASSWORD, or the password in CELERY_BROKER_URL, to the server's."
    elif "refuses to write" in trouble:
        do = "See the server's log: it starts, is full, or is a replica."
    else:
        do = "Start it, mend the network, or correct REDIS_MASTER_SERVICE_HOST and _PORT (or CELERY_BROKER_URL)."
    return error(_NAME, f"{place.shown}: {trouble}", do)


def judge(facts: StoreFacts, place: Place) -> Iterator[Finding]:
    """What the facts mean."""
    version = ".".join(map(str, facts.version)) or "of unknown version"
    yield ok(_NAME, f"{facts.server} {version} answers at {place.shown}")
    if facts.version and facts.version < OLDEST:
        yield error(_NAME, f"{facts.server} {version} is too old", "Install Redis or Valkey 7.0 or later.")
    if facts.role != "master":
        yield error(_NAME, f"it is a {facts.role}: nothing can be written", "Name the primary.")
    if not place.is_near and not place.is_locked:
        do = "Give the server a password (requirepass), and set REDIS_PASSWORD everywhere."
        yield warning(_NAME, f"{place.shown} lets everybody in who can reach it: no password is set", do)
    highest = max(place.queues, place.results)
    if facts.databases is not None and highest >= facts.databases:
        wanted = f"queues are to be in {place.queues}, results in {place.results}"
        what = f"it has {facts.databases} databases, 0 to {facts.databases - 1}; {wanted}"
        yield error(_NAME, what, "Raise `databases` in its configuration, or choose a smaller REDIS_DATABASE.")
    yield from _memory(facts)
    yield from _durability(facts)
    yield _clock(facts.ahead)


def _own(settings: Settings) -> Finding:
    """None is configured, and none runs."""
    try:
        server = find_server(settings.data_path / "store")
    except StoreRefused as trouble:
        return error(_NAME, str(trouble), "As it says.")
    except StoreUnavailable as trouble:
        return error(_NAME, str(trouble), "Or name a server: REDIS_MASTER_SERVICE_HOST.")
    what = f"none is configured, and none runs; `up` starts its own: {server.engine} ({server.path})"
    return warning(_NAME, what, "pixyz-scheduler up; or, for a farm, set REDIS_MASTER_SERVICE_HOST.")


def _memory(facts: StoreFacts) -> Iterator[Finding]:
    if facts.policy != "noeviction":
        what = f"maxmemory-policy is {facts.policy}: a full memory throws jobs away"
        do = "CONFIG SET maxmemory-policy noeviction, and in its configuration."
        yield error("memory", what, do) if facts.limit else warning("memory", what, do)
    most = facts.limit or facts.machine
    whose = "maxmemory" if facts.limit else "its machine's memory"
    if not most:
        yield ok("memory", f"the store uses {in_words(facts.used)}")
        return
    what = f"the store uses {in_words(facts.used)} of {in_words(most)} ({whose})"
    do = "Give it more, or keep jobs for less time: CLEANUP_ENABLED, CLEANUP_DELAY."
    if facts.used > _FULL * most:
        yield error("memory", what, do)
    elif facts.used > _TIGHT * most:
        yield warning("memory", what, do)
    else:
        yield ok("memory", what)


def _durability(facts: StoreFacts) -> Iterator[Finding]:
    name = "durability"
    if any("append-only" in problem for problem in facts.problems):
        yield error(name, "the store could not write its append-only file", "Look at its disk and its log.")
    match facts.durability:
        case "strict":
            yield ok(name, "each change is on disk before it is answered")
        case "relaxed":
            yield ok(name, "changes are on disk within about a second")
        case "none":
            do = "appendonly yes and appendfsync everysec, in its configuration and by CONFIG SET."
            yield warning(name, "the store keeps no append-only file: its restart forgets every job", do)
        case _:
            yield warning(name, "the store does not say what it keeps on disk", "Allow INFO and CONFIG GET to us.")


def _clock(ahead: float) -> Finding:
    if abs(ahead) <= _APART:
        return ok("clock", "this machine's clock and the store's agree")
    where = "behind" if ahead > 0 else "ahead of"
    return warning(
        "clock",
        f"this machine's clock is {abs(ahead):.0f} s {where} the store's",
        "Let both follow a time server (NTP). Leases bear it; times that users see, and ages of files, do not.",
    )
