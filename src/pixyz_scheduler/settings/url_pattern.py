"""UrlPattern: which addresses a setting allows."""

from dataclasses import dataclass
from urllib.parse import urlsplit

SCHEMES = ("http", "https", "file")
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class UrlPattern:
    """One of ALLOW_INPUT_URLS.

    Attributes:
        scheme: http, https or file.
        host: lower case; None for any public host; `*.example.com` for all below it.
        port: the only one, where a host is named.
        prefix: how the path must begin; ends with a slash.
    """

    scheme: str
    host: str | None = None
    port: int | None = None
    prefix: str = "/"

    @classmethod
    def parse(cls, text: str) -> "UrlPattern":
        """`https`, or `https://models.example.com/parts/`; raises ValueError."""
        if text.lower() in SCHEMES:
            return cls(text.lower())
        parts = urlsplit(text)
        scheme, host = parts.scheme.lower(), parts.hostname
        if scheme not in DEFAULT_PORTS or not host or parts.query or parts.fragment or parts.username is not None:
            raise ValueError("neither a scheme nor an address")
        if "*" in host.removeprefix("*."):
            raise ValueError("a star stands for the first parts of a host's name")
        prefix = parts.path if parts.path.endswith("/") else f"{parts.path}/"
        return cls(scheme, host, parts.port or DEFAULT_PORTS[scheme], prefix)

    @property
    def names_host(self) -> bool:
        """Whether it names one host, so that this one may be in a private network."""
        return self.host is not None and not self.host.startswith("*")

    def fits(self, *, scheme: str, host: str, port: int, path: str) -> bool:
        """Whether it allows this address; `path` has neither dots nor escapes left that could leave the prefix."""
        if scheme != self.scheme:
            return False
        if self.host is None:
            return True
        is_host = host.endswith(self.host[1:]) if self.host.startswith("*") else host == self.host
        return is_host and port == self.port and f"{path}/".startswith(self.prefix)
