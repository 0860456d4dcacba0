import pytest

from pixyz_scheduler.worker.limits import Deadline, MemoryLimit


def test_a_deadline_counts_down_by_the_clock_that_comes_in():
    assert Deadline(limit=10, started=100).left(104) == 6
    assert Deadline(limit=10, started=100).left(111) == -1


def test_time_in_which_the_tree_was_frozen_does_not_count():
    deadline = Deadline(limit=10, started=100).pause(102)
    assert deadline.left(500) == 8
    assert deadline.pause(300).left(500) == 8
    assert deadline.resume(502).left(503) == 7
    assert deadline.resume(502).resume(600).left(503) == 7


@pytest.mark.parametrize("limit", [1.0, 86_400.0, 400 * 86_400.0, float("inf")])
@pytest.mark.parametrize("paused", [None, 20.0])
@pytest.mark.parametrize("lasted", [0.0, 5.0, 100_000.0])
def test_what_is_left_is_the_limit_less_what_has_passed_outside_a_freeze(limit, paused, lasted):
    """From 10 on; frozen from 20 on, or never."""
    deadline = Deadline(limit, 10.0)
    if paused is not None:
        deadline = deadline.pause(paused)
    now = 10.0 + lasted if paused is None else max(10.0 + lasted, paused)
    passed = lasted if paused is None else 10.0
    assert deadline.left(now) == limit - passed
    if paused is not None:
        assert deadline.resume(now + 7).left(now + 8) == limit - passed - 1


def test_a_limit_that_is_restarted_counts_anew_and_stays_frozen_where_it_was():
    deadline = Deadline(limit=10, started=100)
    assert deadline.restarted(105).left(107) == 8
    frozen = deadline.pause(102).restarted(105)
    assert frozen.left(900) == 10
    assert frozen.resume(900).left(901) == 9


def test_a_limit_of_days_is_a_limit_like_any_other():
    assert Deadline(limit=3 * 86400, started=0).left(2 * 86400) == 86400


@pytest.mark.parametrize(("limit", "used", "exceeded"), [(0, 10**9, False), (100, 100, False), (100, 101, True)])
def test_memory_is_exceeded_above_the_limit_and_0_is_none(limit, used, exceeded):
    assert MemoryLimit(limit).is_exceeded(used) is exceeded


def test_the_nearer_the_limit_the_sooner_the_next_look():
    limit = MemoryLimit(1 << 20)
    looks = [limit.next_look(used) for used in (0, 900_000, 1_000_000, 1_040_000, 1_048_576)]
    assert looks == sorted(looks, reverse=True)
    assert looks[-1] == 0.004
