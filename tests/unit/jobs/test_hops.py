"""Where the time of an attempt went: what a worker saw, as text, and back."""

import pytest

from pixyz_scheduler.jobs.hops import BOUNDS, HOPS, Moments, hops_of


def test_each_hop_begins_where_the_one_before_ends():
    assert Moments(gone=10.6, first=10.25, last=10.5).to_text(10.0) == "250000 250000 100000"


@pytest.mark.parametrize("first", [0.0, 10.7, 1e300, -1.0])
def test_a_script_that_lies_about_its_begin_makes_no_time_and_takes_none(first):
    counts = [int(count) for count in Moments(gone=10.6, first=first, last=10.5).to_text(10.0).split()]
    assert sum(counts) == 600000
    assert min(counts) >= 0


def test_of_a_script_that_said_nothing_the_whole_is_known():
    assert Moments(gone=12.0).to_text(10.0) == "- - 2000000"


def test_a_record_tells_seconds_by_hop_and_nothing_of_what_nobody_knows():
    assert hops_of("1000 - - 2000 500") == {"waited": 0.001, "left": 0.002, "committed": 0.0005}


@pytest.mark.parametrize("text", [None, "", "1000", "1 2 3 4 5 6"])
def test_a_record_without_hops_has_none(text):
    assert hops_of(text) == {}


def test_the_buckets_go_from_a_millisecond_to_hours_each_larger_than_the_one_before():
    assert (BOUNDS[0], BOUNDS[-1]) == (1000, 10**10)
    assert list(BOUNDS) == sorted(set(BOUNDS))
    assert len(HOPS) == 5
