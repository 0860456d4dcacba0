"""Figures on made-up facts: what is measured, and what is left out because something else disturbed it."""

from dataclasses import replace

import pytest

from tests.chaos.facts import Drain, Event, Facts, Fault, Hold
from tests.chaos.figures import Figure, counts, durations
from tests.chaos.told import Cancel

JOB = "job-1"
OWNER = 11


def story(*steps):
    return tuple(Event(JOB, state, epoch, at) for state, epoch, at in steps)


def figure(facts, name):
    return next(figure.seconds for figure in durations(facts) if figure.name == name)


HELD = Facts(
    holds=(Hold(JOB, 1, f"host-{OWNER}-aa", "fence"),),
    names={OWNER: "w0"},
    workers_up=tuple((float(second), 5) for second in range(100)),
)
LOST = replace(
    HELD,
    events=story(("SENT", 0, 1.0), ("STARTED", 1, 2.0), ("RETRY", 1, 17.5), ("STARTED", 2, 18.0)),
    faults=(Fault("worker killed", "w0", 10.0, 10.0, OWNER),),
)
KILLED_CHILD = replace(
    HELD,
    events=story(("SENT", 0, 1.0), ("STARTED", 1, 2.0), ("RETRY", 1, 10.25)),
    faults=(Fault("child killed", JOB, 10.0, 10.0, 999),),
)
CANCELLED = replace(
    HELD,
    events=story(("SENT", 0, 1.0), ("STARTED", 1, 2.0), ("REVOKED", 1, 11.0)),
    cancels=(Cancel(JOB, 10.0, 10.1, 200, "RUNNING", "api0"),),
)
OUTAGE = Fault("store killed", "store", 9.5, 12.0)


def test_a_dead_worker_is_measured_to_the_sweep_and_to_the_next_claim():
    assert figure(LOST, "dead worker noticed") == (7.5,)
    assert figure(LOST, "dead worker to next attempt") == (8.0,)


@pytest.mark.parametrize(
    "facts",
    [
        replace(LOST, faults=(*LOST.faults, OUTAGE)),
        replace(LOST, workers_up=((12.0, 1),)),
        # It had ended before.
        replace(LOST, events=story(("STARTED", 1, 2.0), ("SUCCESS", 1, 3.0))),
    ],
)
def test_a_dead_worker_is_not_measured_where_more_was_broken(facts):
    assert figure(facts, "dead worker noticed") == ()


def test_a_dead_child_is_measured_to_the_end_of_its_attempt():
    assert figure(KILLED_CHILD, "dead child noticed") == (0.25,)


@pytest.mark.parametrize(
    "fault",
    [OUTAGE, Fault("black hole", "w0", 9.0, 11.0), Fault("worker killed", "w0", 10.1, 10.1, OWNER)],
)
def test_a_dead_child_is_not_measured_where_its_worker_was_disturbed(fault):
    assert figure(replace(KILLED_CHILD, faults=(*KILLED_CHILD.faults, fault)), "dead child noticed") == ()


def test_a_fault_of_another_worker_disturbs_nothing():
    facts = replace(KILLED_CHILD, faults=(*KILLED_CHILD.faults, Fault("black hole", "w1", 9.0, 11.0)))
    assert figure(facts, "dead child noticed") == (0.25,)


def test_a_running_job_is_cancelled_when_its_end_is_in_the_stream():
    assert figure(CANCELLED, "cancel of a running job") == (1.0,)
    assert figure(CANCELLED, "cancel of a waiting job") == ()


def test_a_waiting_job_is_cancelled_when_the_answer_says_so():
    facts = Facts(
        events=story(("SENT", 0, 1.0), ("REVOKED", 0, 10.01)),
        cancels=(Cancel(JOB, 10.0, 10.02, 200, "REVOKED", "api0"),),
    )
    assert figure(facts, "cancel of a waiting job") == (pytest.approx(0.02),)
    assert figure(facts, "cancel of a running job") == ()


def test_a_drain_is_measured_over_its_timeout():
    facts = Facts(
        drains=(Drain("w0", 10.0, 14.0),),
        faults=(Fault("worker drained", "w0", 10.0, 10.0, OWNER),),
        drain_timeout=3.0,
    )
    assert figure(facts, "drain, over its timeout") == (1.0,)


def test_the_first_claim_after_a_restart_counts_from_the_restart():
    facts = Facts(events=story(("STARTED", 1, 11.0), ("STARTED", 1, 12.5)), faults=(OUTAGE,))
    assert figure(facts, "store back to first claim") == (0.5,)


def test_shares_of_few_and_of_many():
    assert Figure("none", ()).at(0.5) is None
    assert Figure("one", (3.0,)).at(0.99) == 3.0
    hundred = Figure("hundred", tuple(float(n) for n in range(1, 101)))
    assert (hundred.at(0.5), hundred.at(0.99), hundred.at(1)) == (50.0, 99.0, 100.0)


def test_jobs_whose_answer_was_lost_and_folders_nobody_asks_for_are_counted():
    facts = Facts(
        records={JOB: {"process": "custom", "state": "SUCCESS"}, "a": {"process": "_archive", "state": "SENT"}}
    )
    assert counts(facts)["jobs taken whose answer was lost"] == 1
