"""When a worker is deaf, as a table of looks."""

import pytest

from pixyz_scheduler.worker.stall_guard import Hearing

PATIENCE = 20.0
LATE = 1000.0 + PATIENCE


def after(*looks):
    """Hearing after looks of (now, free, waiting, heard)."""
    hearing = Hearing()
    for now, free, waiting, heard in looks:
        hearing = hearing.after(now=now, free=free, waiting=waiting, heard=heard)
    return hearing


@pytest.mark.parametrize(
    ("looks", "deaf"),
    [
        ([], False),
        # A slot is free, messages lie there, nothing comes: only when it lasts.
        ([(1000.0, True, 3, 900.0)], True),
        ([(1000.0, True, 3, 900.0), (LATE - 1, True, 1, 900.0)], True),
        ([(1000.1, True, 3, 900.0)], False),
        # Nothing waits, or no slot is free: there is nothing to hear.
        ([(1000.0, True, 0, 900.0)], False),
        ([(1000.0, False, 3, 900.0)], False),
        # What was heard in between, or an empty queue, begins it anew.
        ([(1000.0, True, 3, 900.0), (1005.0, True, 3, 1004.0)], False),
        ([(1000.0, True, 3, 900.0), (1005.0, True, 0, 900.0), (1006.0, True, 3, 900.0)], False),
        ([(1000.0, True, 3, 900.0), (1005.0, False, 3, 900.0), (1006.0, True, 3, 900.0)], False),
    ],
)
def test_a_worker_is_deaf_when_messages_wait_and_a_slot_is_free_and_none_is_heard_for_long(looks, deaf):
    assert after(*looks).is_deaf(LATE, patience=PATIENCE) is deaf
