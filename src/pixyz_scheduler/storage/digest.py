"""Digest: the sha256 of what passes by; of much it is reckoned on a thread of its own, beside the writing."""

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

# Handed over at once: a change of threads for each small part costs as much as the hashing.
_BATCH = 1 << 20
_MOST_WAITING = 3


class Digest:
    """The sha256 of what it was given, in order; to be closed."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._pool: ThreadPoolExecutor | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._waiting: deque[Future[None]] = deque()

    def update(self, data: bytes) -> None:
        """Add a part, which nobody changes afterwards."""
        self._parts.append(data)
        self._size += len(data)
        if self._size < _BATCH:
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="sha256")
        self._waiting.append(self._pool.submit(self._reckon, self._parts))
        self._parts, self._size = [], 0
        if len(self._waiting) > _MOST_WAITING:
            self._waiting.popleft().result()

    def hexdigest(self) -> str:
        """Of all so far, hexadecimal."""
        while self._waiting:
            self._waiting.popleft().result()
        self._reckon(self._parts)
        self._parts, self._size = [], 0
        return self._hash.hexdigest()

    def close(self) -> None:
        """End the thread, once it has reckoned what it was given. Again is well."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _reckon(self, parts: list[bytes]) -> None:
        for part in parts:
            self._hash.update(part)
