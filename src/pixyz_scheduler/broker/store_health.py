"""StoreHealth: whether the store takes what it is told, and keeps it.

Keys: ps:probe (a word, to see that it is written; a minute).
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import redis

from pixyz_scheduler.broker.connection import store_errors
from pixyz_scheduler.errors import StoreSilent, StoreUnavailable

Durability = Literal["strict", "relaxed", "none", "unknown"]

_PROBE = "ps:probe"
_PROBE_LASTS = 60
# What a server is set to changes seldom.
_LOOK_EACH = 5.0


@dataclass(frozen=True)
class StoreState:
    """What is known of a store.

    Attributes:
        durability: what it keeps when it is killed.
        problems: in words; they name no address.
        memory: bytes that it uses; None where it does not tell.
        memory_limit: bytes that it may use; None likewise, or where it has no limit.
    """

    durability: Durability
    problems: tuple[str, ...] = ()
    memory: int | None = None
    memory_limit: int | None = None


SILENT = StoreState("unknown", ("Redis does not answer.",))
"""Of one that says nothing."""


class StoreHealth:
    """Asks the store how it is; any number of threads may ask.

    Args:
        client: decoded answers; its timeout bounds each call.
        clock: monotonic seconds.
    """

    def __init__(self, client: "redis.Redis", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._known = StoreState("unknown")
        self._next_look = 0.0

    def look(self) -> StoreState:
        """How it is now: that it takes a write is tried each time, its settings are read every few seconds."""
        try:
            with store_errors():
                self._client.set(_PROBE, "here", ex=_PROBE_LASTS)
            return self._settings()
        except StoreUnavailable as error:
            return StoreState("unknown", (_in_words(error),))

    def _settings(self) -> StoreState:
        now = self._clock()
        with self._lock:
            if now < self._next_look:
                return self._known
        settings = self._told(lambda: self._client.config_get("appendfsync", "maxmemory-policy"))
        found = judge(self._told(self._client.info), settings)
        with self._lock:
            self._known, self._next_look = found, now + _LOOK_EACH
        return found

    def _told(self, ask: Callable[[], Any]) -> Mapping[str, Any]:
        """The answer; nothing where the server keeps it from us (renamed, or not allowed)."""
        with store_errors():
            try:
                return cast("Mapping[str, Any]", ask())
            except redis.ResponseError:
                return {}


def judge(info: Mapping[str, Any], config: Mapping[str, Any]) -> StoreState:
    """What a server's INFO and CONFIG say, each empty where it is not told.

    `strict`: what was answered is on disk. `relaxed`: the append-only file is written about each second, or nobody says
    how often. `none`: a restart, or a machine's end, forgets what came before. `unknown`: the server tells nothing.
    """
    problems = []
    policy = str(info.get("maxmemory_policy") or config.get("maxmemory-policy") or "noeviction")
    if int(info.get("maxmemory") or 0) and policy != "noeviction":
        problems.append(f"Redis forgets jobs when its memory is full: maxmemory-policy is {policy}, not noeviction.")
    if info.get("aof_last_write_status", "ok") != "ok":
        problems.append("Redis could not write its append-only file: look at its disk and its log.")
    return StoreState(
        _durability(info, config),
        tuple(problems),
        memory=int(info["used_memory"]) if "used_memory" in info else None,
        memory_limit=int(info.get("maxmemory") or 0) or None,
    )


def _durability(info: Mapping[str, Any], config: Mapping[str, Any]) -> Durability:
    if "aof_enabled" not in info:
        return "unknown"
    if not int(info["aof_enabled"]):
        return "none"
    match config.get("appendfsync"):
        case "always":
            return "strict"
        case "no":
            return "none"
        case _:
            return "relaxed"


def _in_words(error: StoreUnavailable) -> str:
    # What the server said of itself, or that it said nothing; the address is nobody's who has shown no key.
    if isinstance(error, StoreSilent) or str(error).startswith("Redis does not answer"):
        return SILENT.problems[0]
    return str(error)
