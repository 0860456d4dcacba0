"""Event streams of one client: so many that connections are left to ask with, and no more."""

from contextlib import AsyncExitStack

import anyio

from pixyz_scheduler.client.wire import Listeners


def test_who_finds_no_room_to_listen_asks_instead_until_another_has_left():
    async def story():
        listeners, first = Listeners(), AsyncExitStack()
        assert listeners.enter(first)
        others = [listeners.enter(AsyncExitStack()) for _ in range(Listeners.MOST)]
        assert others.count(False) == 1
        await first.aclose()
        assert listeners.enter(AsyncExitStack())

    anyio.run(story)
