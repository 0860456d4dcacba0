"""What Celery says while the store is away: that it is, once, in one line."""

import logging

import pytest
from celery.worker.consumer import consumer

from pixyz_scheduler.worker.consumer import OncePerOutage


@pytest.fixture
def said():
    """What a log with the filter lets through."""
    lines = []

    class Lines(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    log, handler = logging.getLogger("what celery says"), Lines()
    once = OncePerOutage()
    log.addFilter(once)
    log.addHandler(handler)
    yield log, lines
    log.removeFilter(once)
    log.removeHandler(handler)


def test_each_outage_is_told_once_in_one_line(said):
    log, lines = said
    for _ in range(2):
        log.warning("%s (%r)", consumer.CONNECTION_RETRY, OSError("gone"))
        for again in ("Trying again now... (1/None)", "Trying again in 2.00 seconds... (2/None)"):
            log.error(consumer.CONNECTION_ERROR, "redis://store:6379/0", "refused.", again)
    assert (
        lines
        == [
            f"{consumer.CONNECTION_RETRY} (OSError('gone'))",
            "Cannot connect to redis://store:6379/0: refused. Tried again until it goes.",
        ]
        * 2
    )
