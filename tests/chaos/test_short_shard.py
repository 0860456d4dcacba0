"""Two minutes of chaos at a fifth of the protocol's times. `scripts/chaos` runs any length."""

import sys

import pytest

from tests.chaos.checker import check
from tests.chaos.course import Course
from tests.chaos.coverage import covered
from tests.chaos.figures import counts, faults_by_kind
from tests.chaos.report import as_text
from tests.chaos.run import Run
from tests.conftest import missing

MUST_BE_COVERED = ("workflows that ended well", "sub-tasks met after the loss of the store")
MUST_OCCUR = ("worker killed", "worker stopped", "child killed", "store killed", "upload killed", "black hole")


@pytest.mark.timeout(600)
def test_nothing_is_lost_doubled_overlapping_or_stuck_whatever_breaks(tmp_path):
    if sys.platform != "linux":
        missing("Linux: processes are found, frozen and killed by /proc")
    facts = Run(Course(tmp_path / "chaos", minutes=1.5, seed=20260101, scale=0.2, tokens=5)).facts()
    print(as_text(facts))
    assert {name: broken for name, broken in check(facts).items() if broken} == {}
    # It was put to the test at all.
    assert {kind for kind in MUST_OCCUR if not faults_by_kind(facts).get(kind)} == set()
    assert {what for what in MUST_BE_COVERED if not covered(facts)[what]} == set()
    counted = counts(facts)
    assert counted["jobs of several attempts"] > 0
    assert counted["ended SUCCESS"] > 0
    assert counted["cancels answered"] > 0
