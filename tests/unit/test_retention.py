"""Which folders may go."""

import pytest

from pixyz_scheduler.storage.retention import Kept, expired

NOW, TTL = 10_000.0, 3600.0


@pytest.mark.parametrize(
    ("record", "goes"),
    [
        (Kept(job_id="a", is_terminal=True, finished=NOW - TTL), True),
        (Kept(job_id="a", is_terminal=True, finished=NOW - TTL + 0.1), False),
        (Kept(job_id="a", is_terminal=True, finished=NOW - 2 * TTL, is_pinned=True), False),
        # A running job that started long ago keeps its folder, whatever its record says of an end.
        (Kept(job_id="a", is_terminal=False, finished=None), False),
        (Kept(job_id="a", is_terminal=False, finished=0.0), False),
        (Kept(job_id="a", is_terminal=True, finished=None), False),
        # A clock that was set back.
        (Kept(job_id="a", is_terminal=True, finished=NOW + TTL), False),
    ],
)
def test_only_a_finished_unpinned_job_past_its_time_goes(record, goes):
    assert expired([record], now=NOW, ttl=TTL) == (["a"] if goes else [])


def test_the_oldest_goes_first():
    records = [Kept(job_id=name, is_terminal=True, finished=end) for name, end in [("b", 2.0), ("a", 3.0), ("c", 1.0)]]
    assert expired(records, now=NOW, ttl=TTL) == ["c", "b", "a"]
