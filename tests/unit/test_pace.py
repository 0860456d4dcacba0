"""The times of the lease protocol fit together, at any scale."""

import pytest

from pixyz_scheduler.jobs.pace import PACE


@pytest.mark.parametrize("factor", [0.1, 1.0, 5.0])
def test_a_tree_is_frozen_before_its_lease_can_run_out(factor):
    pace = PACE.scaled(factor)
    # The last renewal that bought time may have been asked `answer` before its tick was due.
    assert pace.freeze + pace.renew + pace.answer < pace.lease


@pytest.mark.parametrize("factor", [0.1, 1.0, 5.0])
def test_one_look_at_the_clock_expires_nobody(factor):
    pace = PACE.scaled(factor)
    assert pace.clock_step < pace.lease - pace.renew - pace.answer
    assert pace.sweep < pace.clock_step


def test_a_scale_changes_all_times_alike():
    assert PACE.scaled(0.5).lease == PACE.lease / 2
    assert PACE.scaled(1.0) == PACE
