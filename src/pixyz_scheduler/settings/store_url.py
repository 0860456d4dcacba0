"""StoreUrl: one address of the store, in the spelling of kombu and in that of redis-py."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

SCHEMES = ("redis://", "rediss://", "redis+socket://", "unix://")


@dataclass(frozen=True, kw_only=True)
class StoreUrl:
    """Where the store listens, and the number of a database there.

    kombu and Celery write a socket as `redis+socket:///path?virtual_host=1`, redis-py as `unix:///path?db=1`.
    """

    tls: bool = False
    place: str = ""
    """`user:password@host:port`, percent-encoded; empty for a socket."""
    socket: str = ""
    """Path of the Unix socket; empty for TCP."""
    database: int = 0
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def tcp(cls, host: str, port: int, *, password: str = "", database: int = 0) -> StoreUrl:
        """An address on the network."""
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        access = f":{quote(password, safe='')}@" if password else ""
        return cls(place=f"{access}{host}:{port}", database=database)

    @classmethod
    def parse(cls, url: str) -> StoreUrl:
        """Read any of the spellings.

        Raises:
            ValueError: not an address of Redis or Valkey.
        """
        if not url.startswith(SCHEMES):
            raise ValueError("not an address of Redis or Valkey")
        parts = urlsplit(url.removeprefix("redis+"))
        options = dict(parse_qsl(parts.query))
        database = options.pop("virtual_host", options.pop("db", ""))
        if parts.scheme in ("socket", "unix"):
            if not parts.path.strip("/"):
                raise ValueError("no path of a socket")
            # kombu wants three slashes or the host part becomes a part of the path; we take both.
            path = unquote(f"/{parts.netloc}{parts.path}" if parts.netloc else parts.path)
            return cls(socket=path, database=_number(database.strip("/")), options=tuple(options.items()))
        _ = parts.port  # raises ValueError where it is no number
        if not parts.hostname:
            raise ValueError("no host")
        number = parts.path.strip("/") or database
        return cls(
            tls=parts.scheme == "rediss",
            place=parts.netloc,
            database=_number(number),
            options=tuple(options.items()),
        )

    def with_database(self, database: int) -> StoreUrl:
        """The same store, another database."""
        return replace(self, database=database)

    @property
    def kombu(self) -> str:
        """For Celery: `broker_url` and `result_backend`."""
        if self.socket:
            return f"redis+socket://{quote(self.socket)}?{self._query(virtual_host=self.database)}"
        return self._network()

    @property
    def redis_py(self) -> str:
        """For `redis.Redis.from_url`."""
        if self.socket:
            return f"unix://{quote(self.socket)}?{self._query(db=self.database)}"
        return self._network()

    def _network(self) -> str:
        query = self._query()
        return f"{'rediss' if self.tls else 'redis'}://{self.place}/{self.database}{'?' if query else ''}{query}"

    def _query(self, **first: int) -> str:
        return urlencode([*first.items(), *self.options])


def results_database(database: str) -> int:
    """The database of results beside that of queues: "n0" for "n".

    Users know it by that name; Redis counts in numbers, so that "00" is 0 again.
    """
    return int(f"{database}0")


def _number(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError("the database is not a number")
    return int(text or 0)
