"""Coverage: a long run that did not come to all that it should show is told from one that did."""

from dataclasses import replace

import pytest

from tests.chaos.coverage import covered, is_long, uncovered
from tests.chaos.facts import Facts, Fault
from tests.chaos.faults import WEIGHTS
from tests.chaos.test_links import P1, REMOVED, SOUND
from tests.chaos.told import Cancel, Resumed


def test_a_run_is_long_by_its_faults_or_by_its_time():
    fault = Fault("refuse", "w0", 0.0, 0.0)
    assert not is_long(Facts(faults=(fault,) * 999))
    assert is_long(Facts(faults=(fault,) * 1000))
    assert is_long(Facts(faults=(fault, Fault("refuse", "w0", 590.0, 590.0))))
    assert not is_long(Facts())


def test_what_did_not_occur_is_named():
    lacking = uncovered(Facts(faults=(Fault("refuse", "w0", 0.0, 0.0),), fenced=1))
    assert "fault: refuse" not in lacking
    assert "fenced attempts" not in lacking
    assert {"reaps", "deletions now", *(f"fault: {kind}" for kind in WEIGHTS if kind != "refuse")} <= set(lacking)


def test_a_cancel_is_counted_by_the_state_that_it_was_told():
    told = [Cancel("job", 0.0, 0.0, code, status) for code, status in ((200, "REVOKED"), (200, "RUNNING"), (409, None))]
    counted = covered(Facts(cancels=tuple(told)))
    assert (counted["cancels of waiting jobs"], counted["cancels of running jobs"]) == (1, 1)


@pytest.mark.parametrize(("at", "count"), [(3.5, 0), (4.5, 1), (5.5, 0)])
def test_an_outage_is_counted_where_it_came_between_a_sub_task_and_the_next(at, count):
    first = {**SOUND.records[P1], "stopped": "4.0"}
    fault = Fault("store killed at a link", "store", at, at + 3)
    facts = replace(SOUND, records={**SOUND.records, P1: first}, faults=(fault,))
    assert covered(facts)["outages between a sub-task and the next"] == count


def test_of_a_workflow_that_was_removed_the_sub_tasks_are_counted_by_what_the_stream_told():
    assert covered(REMOVED)["sub-tasks removed with their job"] == 3


def test_what_was_met_after_a_loss_is_counted_where_something_was_left_to_be_done():
    whole = Resumed("job", "SUCCESS", {"a": "1"}, {"a": "1"})
    assert covered(Facts(resumed=(whole,)))["sub-tasks met after the loss of the store"] == 0
    half = replace(whole, attempts={"a": "1", "b": "2"})
    assert covered(Facts(resumed=(half,)))["sub-tasks met after the loss of the store"] == 1
