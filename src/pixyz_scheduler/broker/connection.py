"""connect(): a Redis client that fails fast and in words."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from pixyz_scheduler.broker.breaker import Breaker
from pixyz_scheduler.errors import StoreSilent, StoreUnavailable

# The server is there but will not write: replica, out of memory, loading, disk full.
_REFUSALS = ("READONLY", "OOM", "LOADING", "MISCONF", "MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN")

# The same where the client library knows them: it drops the word that they begin with.
_REFUSED = (
    redis.ReadOnlyError,
    redis.OutOfMemoryError,
    redis.exceptions.MasterDownError,
    redis.exceptions.ClusterDownError,
)

# The client library's word for a connection that could not be made: nothing was asked.
_CONNECTING = "connecting to"

# Errors of a connection that are an answer all the same.
_LOCKED_OUT = (redis.AuthenticationError, redis.exceptions.AuthorizationError)
_ANSWERED = (redis.BusyLoadingError, *_LOCKED_OUT)

_OPTIONS: dict[str, Any] = {
    "decode_responses": True,
    # A lone surrogate (half of a character, which JSON can carry) is stored as a question mark, and harms nobody.
    "encoding_errors": "replace",
    "health_check_interval": 0,
}


def connect(url: str, *, timeout: float = 5.0) -> "redis.Redis":
    """A client of the server at `url` (redis://, rediss:// or unix://).

    Args:
        url: with password and database in it, where there are any.
        timeout: seconds for a connection, and for an answer.
    """
    return redis.Redis.from_url(
        url,
        **_OPTIONS,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        # A pooled connection may be stale after the server's restart: try once more, at once.
        retry=Retry(NoBackoff(), 1),
    )


class NotAsked(redis.ConnectionError):
    """The server was silent a moment ago, and is left alone for now."""


class Spared(redis.Redis):
    """A client whose callers do not wait one after the other for a server that is away: see Breaker."""

    breaker: Breaker

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Ask the server, unless it was silent a moment ago."""
        if not self.breaker.may_ask(time.monotonic()):
            raise NotAsked("it was silent a moment ago")
        heard = True
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py has no type for it
        except redis.TimeoutError:
            heard = False
            # What cut one connection off has cut the others off as well.
            self.connection_pool.disconnect(inuse_connections=False)
            raise
        except redis.ConnectionError as error:
            heard = isinstance(error, _ANSWERED)
            raise
        finally:
            if heard:
                self.breaker.heard()
            else:
                self.breaker.silent(time.monotonic())


def connect_spared(url: str, *, timeout: float) -> Spared:
    """A client for many callers at once, who are told within `timeout` seconds that the server is away, or at once."""
    client: Spared = Spared.from_url(  # type: ignore[assignment]  # its type forgets the class
        url,
        **_OPTIONS,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        # Only what fails at once is tried again: a connection that the server closed as it started anew.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )
    client.breaker = Breaker()
    return client


@contextmanager
def store_errors() -> Iterator[None]:
    """Turns what the client library raises when the server is away into StoreUnavailable."""
    try:
        yield
    except redis.BusyLoadingError as error:
        raise StoreUnavailable(f"Redis refuses to write: {error}") from error
    except _LOCKED_OUT as error:
        raise StoreUnavailable(f"Redis does not let us in: {error}") from error
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        kind = StoreUnavailable if isinstance(error, NotAsked) or _CONNECTING in str(error) else StoreSilent
        raise kind(f"Redis does not answer: {error}") from error
    except redis.ResponseError as error:
        if str(error).startswith(_REFUSALS) or isinstance(error, _REFUSED):
            raise StoreUnavailable(f"Redis refuses to write: {error}") from error
        raise
