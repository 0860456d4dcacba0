"""Json: an answer's body, whatever text a user's script has put into it."""

import json
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response


class Json(Response):
    """A model, or plain values, as JSON; lone surrogates are written as escapes, which UTF-8 cannot hold."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The body."""
        plain = content.model_dump() if isinstance(content, BaseModel) else content
        try:
            return _dump(plain, ascii_only=False).encode()
        except UnicodeEncodeError:
            return _dump(plain, ascii_only=True).encode()


def _dump(plain: Any, *, ascii_only: bool) -> str:
    return json.dumps(plain, ensure_ascii=ascii_only, allow_nan=False, separators=(",", ":"))
