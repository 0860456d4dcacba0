"""What decides on an attempt's memory, with scales that are read from a table."""

import itertools

import pytest

from pixyz_scheduler.jobs.outcome import OutOfMemory
from pixyz_scheduler.worker.isolation.memory import MemoryGuard, TreeScale
from pixyz_scheduler.worker.limits import MemoryLimit


class Readings:
    """A scale that shows what it is given."""

    def __init__(self, *used, has_wall=False, kills=(0,)):
        self.has_wall = has_wall
        self.held = None
        self._used = iter(used)
        self._kills = itertools.chain(kills, itertools.repeat(kills[-1]))

    def hold(self, limit):
        self.held = limit

    def used(self, _limit):
        return next(self._used)

    def kills(self):
        return next(self._kills)

    def pause(self, _limit, _used):
        return 1.0


def test_a_tree_over_the_limit_is_out_of_memory_and_the_highest_reading_is_the_peak():
    guard = MemoryGuard(MemoryLimit(100), Readings(70, 100, 60, 101), now=0.0)
    assert [guard.look(now) for now in (0.0, 1.0, 2.0, 3.0)] == [None, None, None, OutOfMemory(100, 101)]
    assert guard.peak == 101


def test_it_looks_no_sooner_than_its_scale_says():
    guard = MemoryGuard(MemoryLimit(100), Readings(101), now=0.0)
    guard.next_look = 5.0
    assert guard.look(4.9) is None
    assert guard.look(5.0) == OutOfMemory(100, 101)


def test_behind_a_wall_the_kernels_kills_decide_and_not_the_reading():
    scale = Readings(99, 150, 150, has_wall=True, kills=(7, 7, 7, 8))
    guard = MemoryGuard(MemoryLimit(100), scale, now=0.0)
    assert scale.held == 100
    assert [guard.look(now) for now in (0.0, 1.0, 2.0)] == [None, None, OutOfMemory(100)]


def test_without_a_limit_a_helper_that_the_kernel_killed_is_the_scripts_own_affair():
    guard = MemoryGuard(MemoryLimit(0), Readings(99, has_wall=True, kills=(0, 1)), now=0.0)
    assert guard.look(1.0) is None
    assert guard.kernel_was_faster() == OutOfMemory(0)


@pytest.mark.parametrize(
    ("has_wall", "limit", "kills", "outcome"),
    [
        (False, 0, (3, 3), None),
        (False, 0, (3, 4), OutOfMemory(0)),
        (False, 100, (3, 4), OutOfMemory(0)),
        (True, 0, (3, 4), OutOfMemory(0)),
        (True, 100, (3, 4), OutOfMemory(100)),
        (True, 100, (3, 3), None),
    ],
)
def test_a_killed_child_is_out_of_memory_where_the_kernel_has_killed_meanwhile(has_wall, limit, kills, outcome):
    guard = MemoryGuard(MemoryLimit(limit), Readings(has_wall=has_wall, kills=kills), now=0.0)
    assert guard.kernel_was_faster() == outcome


class Weights:
    """What the system would say, settable, and how often the dear answer was asked for."""

    def __init__(self):
        self.bound, self.true, self.asked = 0, 0, 0

    def resident(self, _pids):
        return self.bound

    def exact(self, _pids):
        self.asked += 1
        return self.true


def test_shared_pages_are_looked_at_dearly_once_and_then_by_what_has_grown():
    now, weights = [0.0], Weights()
    scale = TreeScale(lambda: [1], now=lambda: now[0], resident=weights.resident, exact=weights.exact)
    weights.bound, weights.true = 90, 10
    assert (scale.used(100), weights.asked) == (90, 0)
    weights.bound, weights.true = 150, 60
    assert (scale.used(100), weights.asked) == (60, 1)
    now[0], weights.bound = 0.1, 180
    assert (scale.used(100), weights.asked) == (90, 1)
    # Half a second later, or when what has grown could be too much, it is weighed exactly again.
    now[0], weights.true = 0.6, 95
    assert (scale.used(100), weights.asked) == (95, 2)
    now[0] = 0.7
    weights.bound, weights.true = 200, 115
    assert (scale.used(100), weights.asked) == (115, 3)
