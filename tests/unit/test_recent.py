"""Many ask, one looks."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixyz_scheduler.monitoring.recent import Recent


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_what_was_found_is_given_out_for_a_second_and_then_looked_for_anew():
    clock, answers = Clock(), iter(range(10))
    recent = Recent(lambda: next(answers), lasts=1.0, clock=clock)
    first = [recent.get() for _ in range(3)]
    clock.now += 1.0
    assert (first, recent.get(), recent.get()) == ([0, 0, 0], 1, 1)


def test_all_who_ask_at_once_wait_for_one_look():
    gate, looks = threading.Event(), []

    def look():
        looks.append(1)
        gate.wait()
        return "found"

    recent = Recent(look, patience=60.0)
    with ThreadPoolExecutor(8) as callers:
        asked = [callers.submit(recent.get) for _ in range(8)]
        gate.set()
        assert [one.result() for one in asked] == ["found"] * 8
    assert len(looks) == 1


def test_nobody_waits_for_a_look_that_hangs_and_no_second_one_begins():
    gate, looks = threading.Event(), []

    def look():
        looks.append(1)
        gate.wait()

    recent = Recent(look, patience=0.01)
    for _ in range(3):
        with pytest.raises(TimeoutError, match=r"no answer within 0\.01 s"):
            recent.get()
    gate.set()
    assert len(looks) == 1


@pytest.mark.parametrize("error", [OSError("gone"), TimeoutError("its own")])
def test_what_the_look_raises_is_raised_to_all_who_ask_within_the_second(error):
    looks = []

    def look():
        looks.append(1)
        raise error

    recent = Recent(look, clock=Clock())
    for _ in range(2):
        with pytest.raises(type(error), match=str(error)):
            recent.get()
    assert len(looks) == 1
