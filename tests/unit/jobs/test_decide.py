import pytest

from pixyz_scheduler.jobs.attempt import Tally
from pixyz_scheduler.jobs.outcome import (
    Cancelled,
    Crashed,
    Drained,
    Hindered,
    Lost,
    OutOfMemory,
    Raised,
    Succeeded,
    TimedOut,
)
from pixyz_scheduler.jobs.queues import queue_named, retry_time_limit
from pixyz_scheduler.jobs.retry import MAX_DRAINS, MAX_HINDRANCES, Finish, TryAgain, decide
from pixyz_scheduler.jobs.state import JobState

FRESH = Tally()
MACHINE_KIND = [
    (Crashed(signal=11), "signal"),
    (Crashed(exit_code=3), "exit"),
    (TimedOut(2.5), "timeout"),
    (OutOfMemory(limit=1024, used=2048), "out_of_memory"),
    (Lost("w1"), "worker_lost"),
]


@pytest.mark.parametrize(("outcome", "cause"), MACHINE_KIND)
@pytest.mark.parametrize(
    ("queue", "fallback"),
    [
        ("cpu", "gpuhigh"),
        ("gpu", "gpuhigh"),
        ("control", "control"),
        ("zip", "zip"),
        ("clean", "clean"),
        ("wine", "wine"),
    ],
)
def test_what_the_machine_did_is_tried_once_more_on_the_fallback(outcome, cause, queue, fallback):
    decision = decide(outcome, tally=FRESH, queue=queue_named(queue))
    assert isinstance(decision, TryAgain)
    assert (decision.queue, decision.cause, decision.tally, decision.delay) == (fallback, cause, Tally(crashes=1), 0)


@pytest.mark.parametrize(("outcome", "cause"), MACHINE_KIND)
@pytest.mark.parametrize(
    ("queue", "tally"), [("gpuhigh", FRESH), ("gpuhigh", Tally(crashes=1)), ("zip", Tally(crashes=1))]
)
def test_what_the_machine_did_twice_or_on_the_biggest_is_final(outcome, cause, queue, tally):
    decision = decide(outcome, tally=tally, queue=queue_named(queue))
    assert isinstance(decision, Finish)
    assert (decision.state, decision.cause) == (JobState.FAILURE, cause)


def test_a_script_that_raises_is_never_tried_again():
    assert decide(Raised("ValueError: x"), tally=FRESH, queue=queue_named("cpu")) == Finish(
        JobState.FAILURE, "script_error", "ValueError: x"
    )


def test_leaving_with_status_0_and_no_result_is_the_scripts_own_doing():
    decision = decide(Crashed(exit_code=0), tally=FRESH, queue=queue_named("cpu"))
    assert isinstance(decision, Finish)
    assert "before it returned a result" in decision.error


def test_success_and_cancel_end_the_job():
    assert decide(Succeeded(1), tally=FRESH, queue=queue_named("cpu")).state is JobState.SUCCESS
    assert decide(Cancelled(), tally=FRESH, queue=queue_named("cpu")).state is JobState.REVOKED


def test_a_drained_job_goes_back_to_its_queue_at_no_charge_for_twenty_times():
    decision = decide(Drained(), tally=Tally(crashes=1), queue=queue_named("gpuhigh"))
    assert (decision.queue, decision.tally) == ("gpuhigh", Tally(crashes=1, drains=1))
    assert isinstance(decide(Drained(), tally=Tally(drains=MAX_DRAINS), queue=queue_named("cpu")), Finish)


def test_a_hindered_job_waits_longer_each_time_then_fails_with_the_reason():
    delays = [
        decide(Hindered("disk full"), tally=Tally(hindrances=n), queue=queue_named("cpu")).delay
        for n in range(MAX_HINDRANCES)
    ]
    assert delays == sorted(set(delays))
    last = decide(Hindered("disk full"), tally=Tally(hindrances=MAX_HINDRANCES), queue=queue_named("cpu"))
    assert last == Finish(JobState.FAILURE, "infrastructure", "disk full")


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Crashed(signal=11), "signal 11 (SIGSEGV)"),
        (Crashed(signal=63), "signal 63"),
        (Crashed(exit_code=3), "Task process exited with error: exit status 3."),
        (TimedOut(2.5), "Task process timeout: it took longer than 2.5 s."),
        (OutOfMemory(limit=2 * 1024, used=5 * 1024), "5 MiB used of 2 MiB allowed"),
    ],
)
def test_the_one_line_says_what_happened(outcome, text):
    assert text in decide(outcome, tally=FRESH, queue=queue_named("cpu")).error


@pytest.mark.parametrize(("own", "retry", "limit"), [(10, 3600, 3600), (7200, 3600, 7200)])
def test_a_retry_may_take_the_larger_of_both_limits(own, retry, limit):
    assert retry_time_limit(own, retry) == limit
