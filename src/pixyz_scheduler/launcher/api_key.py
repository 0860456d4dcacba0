"""The API key of a scheduler that has none configured: made once, shown once, kept as its hash."""

import hashlib
import os
import secrets
from pathlib import Path

_FILE = "api-key.sha256"


def digest_of(key: str) -> str:
    """What GOD_PASSWORD_SHA256 holds for this key."""
    return hashlib.sha256(key.encode()).hexdigest()


def new_key() -> str:
    """A key that nobody guesses."""
    return secrets.token_urlsafe(24)


def kept_at(data_path: Path) -> Path:
    """The file that holds the key's hash."""
    return data_path / _FILE


def kept_or_new(data_path: Path) -> tuple[str, str | None]:
    """The hash kept in the data folder; where there is none, a new key's, with the key to be shown this once."""
    path = kept_at(data_path)
    if path.exists():
        return path.read_text(encoding="ascii").strip(), None
    key = new_key()
    data_path.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: half a hash would lock everybody out.
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(digest_of(key))
    part.replace(path)
    return digest_of(key), key
