"""A store of records, empty, whose clock is the test's."""

import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.records import RecordStore
from tests.contract.record_steps import submit


@pytest.fixture
def client(store_url):
    client = connect(store_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def store(client):
    return RecordStore(client, now_ms=1_000_000)


@pytest.fixture
def job_id(store):
    return submit(store)
