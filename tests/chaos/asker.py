"""Asker: asks any API, once."""

import random
from typing import Any

import httpx

from tests.chaos.farm import KEY, Farm
from tests.chaos.member import Member

_TIMEOUT = 8.0


class Asker:
    """Any number of threads may ask; `close` it at the end.

    Args:
        farm: whose APIs are asked.
        dice: which of them.
    """

    def __init__(self, farm: Farm, dice: random.Random) -> None:
        self._farm = farm
        self._dice = dice
        self._client = httpx.Client(
            headers={"x-api-key": KEY}, timeout=_TIMEOUT, limits=httpx.Limits(max_connections=None)
        )

    def ask(self, method: str, path: str, *, api: Member | None = None, **what: Any) -> httpx.Response | None:
        """One answer; None where none came."""
        api = api or self.any_api()
        try:
            return self._client.request(method, self._farm.url(api) + path, **what)
        except httpx.HTTPError:
            return None

    def any_api(self) -> Member:
        """One of them."""
        return self._dice.choice(self._farm.apis)

    def close(self) -> None:
        """After the last question."""
        self._client.close()
