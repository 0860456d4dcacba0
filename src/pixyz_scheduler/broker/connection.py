"""connect(): a Redis client that fails fast and in words."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pixyz_scheduler.errors import StoreSilent, StoreUnavailable

# The server is there but will not write: replica, out of memory, loading, disk full.
_REFUSALS = ("READONLY", "OOM", "LOADING", "MISCONF", "MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN")

# The client library's word for a connection that could not be made: nothing was asked.
_CONNECTING = "connecting to"


def connect(url: str, *, timeout: float = 5.0) -> "redis.Redis":
    """A client of the server at `url` (redis://, rediss:// or unix://).

    Args:
        url: with password and database in it, where there are any.
        timeout: seconds for a connection, and for an answer.
    """
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        # A lone surrogate (half of a character, which JSON can carry) is stored as a question mark, and harms nobody.
        encoding_errors="replace",
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        # A pooled connection may be stale after the server's restart: try once more, at once.
        retry=Retry(NoBackoff(), 1),
        health_check_interval=0,
    )


@contextmanager
def store_errors() -> Iterator[None]:
    """Turns what the client library raises when the server is away into StoreUnavailable."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        kind = StoreUnavailable if _CONNECTING in str(error) else StoreSilent
        raise kind(f"Redis does not answer: {error}") from error
    except redis.ResponseError as error:
        if str(error).startswith(_REFUSALS) or isinstance(error, redis.ReadOnlyError | redis.OutOfMemoryError):
            raise StoreUnavailable(f"Redis refuses to write: {error}") from error
        raise
