"""StoreFacts: what a store says of itself, read once."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis

from pixyz_scheduler.broker.connection import store_errors
from pixyz_scheduler.broker.store_health import Durability, judge


@dataclass(frozen=True)
class StoreFacts:
    """A store, as it is now; what it keeps from us has the value that means nothing.

    Attributes:
        server: valkey or redis.
        version: of the server; empty where it is not told.
        role: `master`, or what else it says.
        used: bytes of memory.
        limit: bytes of memory that it may use; 0 for no limit.
        machine: bytes of memory of its machine; 0 where it is not told.
        policy: what it does when its memory is full.
        databases: how many it has; None where it is not told.
        durability: what its end would cost.
        problems: what keeps it from keeping jobs, in words.
        ahead: seconds that its clock is ahead of ours.
    """

    server: str = "redis"
    version: tuple[int, ...] = ()
    role: str = "master"
    used: int = 0
    limit: int = 0
    machine: int = 0
    policy: str = "noeviction"
    databases: int | None = None
    durability: Durability = "unknown"
    problems: tuple[str, ...] = ()
    ahead: float = 0.0


def read_facts(client: "redis.Redis", *, now: Callable[[], float] = time.time) -> StoreFacts:
    """Ask the store; nothing is written. Raises StoreUnavailable.

    Args:
        client: decoded answers.
        now: epoch seconds of this machine.
    """
    with store_errors():
        client.ping()
        before = now()
        seconds, micros = client.time()
        ahead = seconds + micros / 1e6 - (before + now()) / 2
    info = _told(client.info)
    config = _told(lambda: client.config_get("appendfsync", "maxmemory-policy", "databases"))
    server = "valkey" if "valkey_version" in info else "redis"
    state = judge(info, config)
    return StoreFacts(
        server=server,
        version=_version(str(info.get(f"{server}_version", ""))),
        role=str(info.get("role", "master")),
        used=int(info.get("used_memory") or 0),
        limit=int(info.get("maxmemory") or 0),
        machine=int(info.get("total_system_memory") or 0),
        policy=str(info.get("maxmemory_policy") or config.get("maxmemory-policy") or "noeviction"),
        databases=int(config["databases"]) if "databases" in config else None,
        durability=state.durability,
        problems=state.problems,
        ahead=ahead,
    )


def _told(ask: Callable[[], Any]) -> Mapping[str, Any]:
    """The answer; nothing where the server keeps it from us (renamed, or not allowed)."""
    with store_errors():
        try:
            return cast("Mapping[str, Any]", ask())
        except redis.ResponseError:
            return {}


def _version(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else ()
