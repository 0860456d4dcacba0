"""The table of metrics: names as Prometheus wants them, and words that the code says."""

import re
from collections import Counter

import pytest

from pixyz_scheduler.jobs import family
from pixyz_scheduler.jobs.attempt import Tally
from pixyz_scheduler.jobs.outcome import (
    Cancelled,
    Crashed,
    Drained,
    Hindered,
    Lost,
    NoProgress,
    OutOfMemory,
    Raised,
    TimedOut,
)
from pixyz_scheduler.jobs.queues import queue_named
from pixyz_scheduler.jobs.retry import MAX_DRAINS, MAX_HINDRANCES, Finish, TryAgain, decide
from pixyz_scheduler.monitoring.names import ALL, FAILURES

OUTCOMES = [
    *(Raised("x"), Crashed(exit_code=0), Crashed(exit_code=3), Crashed(signal=11), TimedOut(1.0), NoProgress(1.0)),
    *(OutOfMemory(1), Lost("w"), Drained(), Hindered("full")),
]
WORN_OUT = Tally(crashes=9, drains=MAX_DRAINS, hindrances=MAX_HINDRANCES)


def test_each_name_is_there_once_and_says_its_unit():
    assert [name for name, times in Counter(named.name for named in ALL).items() if times > 1] == []
    for named in ALL:
        assert re.fullmatch(r"pixyz_[a-z_]+", named.name), named.name
        assert named.name.endswith("_total") == (named.kind == "counter"), named.name
        assert named.name.endswith("_seconds") or named.kind != "histogram", named.name


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
def test_every_cause_for_which_a_job_fails_or_is_tried_again_is_documented(outcome):
    failed = decide(outcome, tally=WORN_OUT, queue=queue_named("gpuhigh"))
    again = decide(outcome, tally=Tally(), queue=queue_named("cpu"))
    assert isinstance(failed, Finish)
    assert failed.cause in FAILURES
    assert not isinstance(again, TryAgain) or again.cause in FAILURES


def test_no_cause_is_documented_that_nothing_has():
    said = {decide(outcome, tally=WORN_OUT, queue=queue_named("cpu")).cause for outcome in OUTCOMES}
    assert said | {family.UPSTREAM_FAILED, family.CHILD_FAILED} == set(FAILURES)


def test_a_cancelled_job_is_no_failure():
    assert decide(Cancelled(), tally=Tally(), queue=queue_named("cpu")).cause == "cancelled"
