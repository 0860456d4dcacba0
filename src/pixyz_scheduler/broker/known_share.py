"""KnownShare: which share the jobs of a store lie on, as the store has it.

Keys: (content; lifetime)
    ps:share  the id of the share; for ever
    ps:born   epoch s when the store met that share first: it knows nothing of what was before; likewise
"""

from typing import cast

import redis

from pixyz_scheduler.broker.connection import store_errors

_SHARE, _BORN = "ps:share", "ps:born"


class KnownShare:
    """What the store says of its share.

    Args:
        client: decoded answers; its timeout bounds each call.
    """

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def get(self) -> str | None:
        """The share's id; None where the store has met none. Raises StoreUnavailable, as all here."""
        with store_errors():
            return cast("str | None", self._client.get(_SHARE))

    def meet(self, share_id: str) -> str:
        """Write the id down unless there is one; the one that stands."""
        with store_errors():
            # The moment first: whoever finds the id finds it too.
            self._client.set(_BORN, self._now(), nx=True)
            self._client.set(_SHARE, share_id, nx=True)
            return str(self._client.get(_SHARE))

    def adopt(self, share_id: str) -> None:
        """From now on this is the share, whatever was written before; what lies on it already is not known here."""
        with store_errors():
            self._client.set(_BORN, self._now())
            self._client.set(_SHARE, share_id)

    def born(self) -> float | None:
        """When the store met its share first, in epoch seconds of its own clock; None where it has not yet."""
        with store_errors():
            text = cast("str | None", self._client.get(_BORN))
        return None if text is None else float(text)

    def _now(self) -> int:
        return int(self._client.time()[0])
