"""Json: an answer's body, whatever text a user's script has put into it."""

import json
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response
from typing_extensions import Self


class Json(Response):
    """A model, or plain values, as JSON; lone surrogates are written as escapes, which UTF-8 cannot hold."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The body."""
        plain = content.model_dump() if isinstance(content, BaseModel) else content
        return _render(plain)

    @classmethod
    def with_raw(cls, content: BaseModel, name: str, text: bytes | None) -> Self:
        """A model, one of whose fields is JSON text already: large ones are not read to be written again.

        Without a text it is the model as it stands.
        """
        answer = cls(content)
        if text is not None:
            plain = content.model_dump()
            del plain[name]
            answer.body = _render(plain)[:-1] + f',"{name}":'.encode() + text + b"}"
            answer.headers["content-length"] = str(len(answer.body))
        return answer


def _render(plain: Any) -> bytes:
    try:
        return _dump(plain, ascii_only=False).encode()
    except UnicodeEncodeError:
        return _dump(plain, ascii_only=True).encode()


def _dump(plain: Any, *, ascii_only: bool) -> str:
    return json.dumps(plain, ensure_ascii=ascii_only, allow_nan=False, separators=(",", ":"))
