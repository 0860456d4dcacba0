"""Who asks whether the API can work is answered, however a share or a store hangs."""

import asyncio
import threading

import httpx
import pytest
from fastapi import FastAPI

from pixyz_scheduler.api.routes.health import health_routes
from pixyz_scheduler.broker.store_health import StoreState


class Hanging:
    """A share, or a store, that answers once it is let go."""

    def __init__(self, answer):
        self.gate, self.looks, self.answer = threading.Event(), 0, answer

    def troubles(self):
        self.looks += 1
        self.gate.wait()
        return self.answer

    look = troubles


def well(answer):
    part = Hanging(answer)
    part.gate.set()
    return part


def asked(share, store, times=3):
    app = FastAPI()
    app.include_router(health_routes(share, store, patience=0.05))

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
            return [await client.get("/health/ready") for _ in range(times)]

    answers = asyncio.run(ask())
    return {answer.status_code for answer in answers}, answers[-1].json()["problems"]


@pytest.mark.parametrize(
    ("share", "store", "problems"),
    [
        (Hanging({}), well(StoreState("relaxed")), {"share": "It does not answer."}),
        (well({}), Hanging(StoreState("relaxed")), {"store": "Redis does not answer."}),
    ],
)
def test_a_part_that_hangs_is_told_and_costs_one_thread(share, store, problems):
    hung = share if not share.gate.is_set() else store
    try:
        assert asked(share, store) == ({503}, problems)
        assert hung.looks == 1
    finally:
        hung.gate.set()


def test_each_question_looks_anew_where_nothing_hangs():
    share, store = well({}), well(StoreState("relaxed"))
    assert asked(share, store) == ({200}, {})
    assert (share.looks, store.looks) == (3, 3)
