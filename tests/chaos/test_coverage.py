"""Coverage: a long run that did not come to all that it should show is told from one that did."""

from tests.chaos.coverage import covered, is_long, uncovered
from tests.chaos.facts import Facts, Fault
from tests.chaos.faults import WEIGHTS
from tests.chaos.told import Cancel


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
