"""InputUrl: an input that is fetched from elsewhere, and whether that is allowed. Pure: nothing is looked up."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from pixyz_scheduler.errors import InvalidConfig
from pixyz_scheduler.settings.url_pattern import DEFAULT_PORTS, UrlPattern

_MAX_URL = 8192
_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")
# IPv6 that carries an IPv4 address which the wrapping would hide: NAT64, 6to4, Teredo.
_WRAPPED = [ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")]


@dataclass(frozen=True)
class InputUrl:
    """One address.

    Attributes:
        scheme: http, https or file.
        host: lower case, in ASCII; empty for file.
        port: given or the scheme's own; 0 for file.
        target: what is asked of the server: path and query; for file the path.
        user: `name:password` of the address; None without.
        may_be_private: whether the settings name this very host.
    """

    scheme: str
    host: str
    port: int
    target: str
    user: str | None = None
    may_be_private: bool = False

    def __repr__(self) -> str:
        return f"<InputUrl {self.shown}>"

    @property
    def shown(self) -> str:
        """The address for logs and errors: no password, and no query, which may hold a signature."""
        path = self.target.partition("?")[0]
        if self.scheme == "file":
            return f"file:{path}"
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}{port}{path}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """To whom a password may be told."""
        return self.scheme, self.host, self.port


@dataclass(frozen=True)
class AllowedUrls:
    """Which inputs may be fetched from elsewhere."""

    patterns: tuple[UrlPattern, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> "AllowedUrls":
        """From ALLOW_INPUT_URLS."""
        return cls(tuple(UrlPattern.parse(text) for text in texts))

    def check(self, text: str) -> InputUrl:
        """The address, if it is allowed.

        Raises:
            InvalidConfig: it is none, or not allowed; its text shows no password.
        """
        if not self.patterns:
            raise InvalidConfig(
                "config.input_url is not allowed here: ALLOW_INPUT_URLS says from where inputs may come."
            )
        url = _parsed(text)
        if url.scheme == "file":
            fitting = [pattern for pattern in self.patterns if pattern.scheme == "file"]
        else:
            path = unquote(url.target.partition("?")[0])
            place = {"scheme": url.scheme, "host": url.host, "port": url.port}
            steps = path.replace("\\", "/").split("/")
            fitting = [
                pattern
                for pattern in self.patterns
                if pattern.fits(**place, path=path)  # type: ignore[arg-type]
                # A server may read escaped dots as steps upwards.
                and (pattern.prefix == "/" or (".." not in steps and "%" not in path))
            ]
        if not fitting:
            raise InvalidConfig(f"config.input_url {url.shown} is not allowed: ALLOW_INPUT_URLS does not name it.")
        is_named = any(pattern.names_host for pattern in fitting)
        return InputUrl(url.scheme, url.host, url.port, url.target, url.user, is_named)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet: not this machine, its networks, or a cloud's own."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif any(ip in network for network in _WRAPPED):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _parsed(text: str) -> InputUrl:
    if len(text) > _MAX_URL:
        raise InvalidConfig(f"config.input_url has {len(text)} characters; at most {_MAX_URL} are allowed.")
    if _UNFIT.search(text):
        raise InvalidConfig("config.input_url has blanks, backslashes or control characters; escape them (%20).")
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
        host = host if ":" in host or host.isascii() else host.encode("idna").decode()
    except ValueError as error:
        raise InvalidConfig(f"config.input_url is no address: {str(error).partition(':')[0]}.") from None
    if scheme == "file":
        if parts.netloc or parts.query or not unquote(parts.path):
            raise InvalidConfig("config.input_url with file: needs a path on the share, as in file:models/part.step.")
        return InputUrl("file", "", 0, unquote(parts.path))
    if scheme not in DEFAULT_PORTS or not host:
        raise InvalidConfig("config.input_url must begin with https://, http:// or file: and name a host.")
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (f"?{_query(parts.query)}" if parts.query else "")
    user = None
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return InputUrl(scheme, host.rstrip("."), port or DEFAULT_PORTS[scheme], target, user)


def _query(query: str) -> str:
    return quote(query, safe="/?%:@!$&'()*+,;=~-._")
