"""When a worker has been idle for too long, as a table of looks; and what it answers then."""

import pytest

from pixyz_scheduler.worker.activity import Activity
from pixyz_scheduler.worker.idle_guard import IdleGuard, Idleness

PATIENCE = 60.0
LATE = 1000.0 + PATIENCE


@pytest.mark.parametrize(
    ("looks", "idle"),
    [
        ([], False),
        # Each look: now, busy, when the last doorbell came. It counts from the first look, not from the last doorbell.
        ([(1000.0, False, 10.0)], True),
        ([(1000.1, False, 10.0)], False),
        ([(1000.0, False, 10.0), (LATE - 1, False, 10.0)], True),
        # A job in between, at work or already ended, begins it anew.
        ([(1000.0, False, 10.0), (1010.0, True, 1005.0)], False),
        ([(1000.0, False, 10.0), (1010.0, True, 1005.0), (1020.0, False, 1005.0)], False),
        ([(1000.0, False, 10.0), (1010.0, False, 1005.0)], False),
        # A long job: what counts is its end.
        ([(900.0, True, 10.0), (1000.0, False, 10.0)], True),
    ],
)
def test_a_worker_is_idle_that_has_had_nothing_to_do_for_so_long(looks, idle):
    idleness = Idleness()
    for now, busy, heard in looks:
        idleness = idleness.after(now=now, busy=busy, heard=heard)
    assert idleness.lasts(LATE, patience=PATIENCE) is idle


def idle_guard(activity):
    return IdleGuard(activity, patience=PATIENCE, on_idle=lambda: None)


def test_a_doorbell_that_comes_after_the_last_look_is_not_answered():
    activity = Activity()
    guard = idle_guard(activity)
    activity.heard = 10.0
    assert not guard.look(1000.0)
    with activity.answering() as doorbell:
        assert doorbell.is_wanted
    activity.heard = 10.0
    assert guard.look(LATE)
    assert activity.is_over
    with activity.answering() as doorbell:
        assert not doorbell.is_wanted


def test_a_doorbell_that_comes_during_the_last_look_keeps_the_worker():
    """The look found it idle, and a job is there before it rests."""
    activity = Activity()
    with activity.answering() as doorbell:
        assert doorbell.is_wanted
        assert not activity.rest()
    assert not activity.is_over
    assert activity.rest()


def test_a_worker_that_does_its_last_job_does_not_count_as_free():
    """Else it would be taken for deaf while messages wait, and hand that job back."""
    activity = Activity(most=1)
    assert activity.is_free(5)
    with activity.answering() as doorbell:
        doorbell.take()
        assert not activity.is_free(5)


def test_a_slot_that_is_lent_is_free():
    activity = Activity()
    with activity.answering():
        assert not activity.is_free(1)
        activity.lend(1)
        assert activity.is_free(1)
