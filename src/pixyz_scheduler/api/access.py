"""Access: who may come in. Everything asks for the key, save what is named here."""

import hashlib
import hmac
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from pixyz_scheduler.api.problems import problem

HEADER = "x-api-key"
OPEN_PATHS = frozenset({"/", "/docs", "/redoc", "/openapi.json"})
OPEN_FOLDERS = ("/health/", "/docs/assets/")

_NAME = HEADER.encode()


class Access:
    """Asks for the key before anything else is looked at: path, id, body.

    Args:
        app: who answers those who may come in.
        key_sha256: hexadecimal SHA-256 of the key.
    """

    def __init__(self, app: ASGIApp, *, key_sha256: str) -> None:
        self._app = app
        self._digest = key_sha256.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 401."""
        if scope["type"] == "lifespan" or _is_open(scope["path"]) or self._knows(scope):
            await self._app(scope, receive, send)
            return
        sent = any(name == _NAME for name, _ in scope["headers"])
        details = f"The key in the header {HEADER} is wrong." if sent else f"Send the key in the header {HEADER}."
        await problem(HTTPStatus.UNAUTHORIZED, details)(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        key = next((value for name, value in scope["headers"] if name == _NAME), None)
        # Digests are compared in constant time: how long it takes tells nothing of the key.
        return key is not None and hmac.compare_digest(hashlib.sha256(key).hexdigest().encode(), self._digest)


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)
