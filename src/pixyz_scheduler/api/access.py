"""Access: who may come in. Everything asks for the key, save what is named here."""

import hashlib
import hmac
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from pixyz_scheduler.api.problems import problem

HEADER = "x-api-key"
OPEN_PATHS = frozenset({"/", "/docs", "/redoc", "/openapi.json"})
OPEN_FOLDERS = ("/health/", "/docs/assets/")

# Prometheus up to 2.54, and its operator, can send a key in no other header than this.
METRICS = "/metrics"
_BEARER = b"bearer "

_NAME = HEADER.encode()


class Access:
    """Asks for the key before anything else is looked at: path, id, body.

    Args:
        app: who answers those who may come in.
        key_sha256: hexadecimal SHA-256 of the key.
        metrics_sha256: of one that opens `/metrics` alone; empty for none.
    """

    def __init__(self, app: ASGIApp, *, key_sha256: str, metrics_sha256: str = "") -> None:
        self._app = app
        self._digests: tuple[bytes, ...] = (key_sha256.lower().encode(),)
        self._for_metrics = (*self._digests, *([metrics_sha256.lower().encode()] if metrics_sha256 else []))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 401."""
        if scope["type"] == "lifespan" or _is_open(scope["path"]) or self._knows(scope):
            await self._app(scope, receive, send)
            return
        sent = any(name == _NAME for name, _ in scope["headers"])
        details = f"The key in the header {HEADER} is wrong." if sent else f"Send the key in the header {HEADER}."
        await problem(HTTPStatus.UNAUTHORIZED, details)(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        key, known = _header(scope, _NAME), self._digests
        if scope["path"] == METRICS:
            key, known = _bearer(scope) if key is None else key, self._for_metrics
        if key is None:
            return False
        sent = hashlib.sha256(key).hexdigest().encode()
        # Digests are compared in constant time: how long it takes tells nothing of the key.
        return any(hmac.compare_digest(sent, digest) for digest in known)


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)


def _bearer(scope: Scope) -> bytes | None:
    said = _header(scope, b"authorization") or b""
    return said[len(_BEARER) :].strip() if said[: len(_BEARER)].lower() == _BEARER else None


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)
