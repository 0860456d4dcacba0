"""The header `Idempotency-Key`, of draft-ietf-httpapi-idempotency-key-header-07, or the bare token that many send."""

import hashlib
import re

from starlette.datastructures import Headers

from pixyz_scheduler.errors import InvalidIdempotencyKey

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LONGEST = 255

# A string of RFC 8941 is quoted, and has only these two escapes.
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


def key_digest(headers: Headers) -> str | None:
    """sha256 of the request's key, hexadecimal; None without one.

    Raises:
        InvalidIdempotencyKey: it is there, but it is no key.
    """
    sent = headers.getlist(HEADER)
    if not sent:
        return None
    if len(sent) > 1:
        raise InvalidIdempotencyKey(f"{HEADER} was sent {len(sent)} times; send it once.")
    key = _unquoted(sent[0].strip())
    if not _VISIBLE.fullmatch(key):
        raise InvalidIdempotencyKey(
            f'{HEADER} must be 1 to {LONGEST} visible ASCII characters, such as "9f8b1c40-1b0e-4d6e-9f0a-3f0f6c1d2e3a".'
        )
    return hashlib.sha256(key.encode()).hexdigest()


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    found = _QUOTED.fullmatch(text)
    # What begins as a string and is none is no key.
    return re.sub(r"\\(.)", r"\1", found[1]) if found else ""
