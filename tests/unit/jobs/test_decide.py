import itertools
from typing import get_args

import pytest

from pixyz_scheduler.jobs.attempt import Tally
from pixyz_scheduler.jobs.outcome import (
    Awaits,
    Cancelled,
    Crashed,
    Drained,
    Hindered,
    Lost,
    NoProgress,
    Outcome,
    OutOfMemory,
    Raised,
    Succeeded,
    TimedOut,
)
from pixyz_scheduler.jobs.queues import queue_named, retry_time_limit
from pixyz_scheduler.jobs.retry import MAX_DRAINS, MAX_HINDRANCES, Finish, TryAgain, Wait, decide
from pixyz_scheduler.jobs.state import JobState

FRESH = Tally()
MACHINE_KIND = [
    (Crashed(signal=11), "signal"),
    (Crashed(exit_code=3), "exit"),
    (TimedOut(2.5), "timeout"),
    (NoProgress(30.0), "no_progress"),
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
        (Crashed(exit_code=0xC0000005), "exit status 0xC0000005"),
        (Crashed(exit_code=3), "Task process exited with error: exit status 3."),
        (TimedOut(2.5), "Task process timeout: it took longer than 2.5 s."),
        (NoProgress(30.0), "Task process told no progress for 30 s."),
        (OutOfMemory(limit=2 * 1024, used=5 * 1024), "Out of memory: 5 MiB used of 2 MiB allowed."),
        (OutOfMemory(limit=2 * 1024), "Out of memory: more was needed than the 2 MiB allowed."),
        (OutOfMemory(limit=0), "Out of memory: the machine's memory was full, and the kernel ended the job."),
    ],
)
def test_the_one_line_says_what_happened(outcome, text):
    assert text in decide(outcome, tally=FRESH, queue=queue_named("cpu")).error


@pytest.mark.parametrize(("own", "retry", "limit"), [(10, 3600, 3600), (7200, 3600, 7200)])
def test_a_retry_may_take_the_larger_of_both_limits(own, retry, limit):
    assert retry_time_limit(own, retry) == limit


# Each outcome: what follows it, and its cause. "once more" is charged as a crash.
TABLE = {
    Succeeded("a result"): ("SUCCESS", None),
    Raised("ValueError: x", "Traceback"): ("FAILURE", "script_error"),
    Cancelled(): ("REVOKED", "cancelled"),
    Crashed(exit_code=0): ("FAILURE", "exit"),
    Crashed(exit_code=3): ("once more", "exit"),
    Crashed(signal=11): ("once more", "signal"),
    TimedOut(2.5): ("once more", "timeout"),
    NoProgress(30.0): ("once more", "no_progress"),
    OutOfMemory(limit=1024, used=2048): ("once more", "out_of_memory"),
    OutOfMemory(limit=0): ("once more", "out_of_memory"),
    Lost("w1"): ("once more", "worker_lost"),
    Drained(): ("back", "drained"),
    Hindered("disk full"): ("later", "infrastructure"),
}
QUEUES = {"cpu": "gpuhigh", "gpu": "gpuhigh", "gpuhigh": None, "control": "control", "zip": "zip", "clean": "clean"}
TALLIES = [
    Tally(*counts) for counts in itertools.product((0, 1, 2), (0, MAX_DRAINS - 1, MAX_DRAINS), (0, 2, MAX_HINDRANCES))
]


def expected(outcome, tally, queue):
    """As the documentation tells it: (state, cause) at the end, or (queue, cause, tally) of the next attempt."""
    follows, cause = TABLE[outcome]
    crashes, drains, hindrances = tally.crashes, tally.drains, tally.hindrances
    match follows:
        case "once more" if crashes == 0 and QUEUES[queue] is not None:
            return QUEUES[queue], cause, Tally(crashes + 1, drains, hindrances)
        case "back" if drains < MAX_DRAINS:
            return queue, cause, Tally(crashes, drains + 1, hindrances)
        case "later" if hindrances < MAX_HINDRANCES:
            return queue, cause, Tally(crashes, drains, hindrances + 1)
        case "once more" | "back" | "later":
            return "FAILURE", cause
        case state:
            return state, cause


def told(decision):
    if isinstance(decision, Finish):
        return decision.state.value, decision.cause
    return decision.queue, decision.cause, decision.tally


def test_the_table_has_every_kind_of_outcome():
    assert {type(outcome) for outcome in TABLE} == set(get_args(Outcome)) - {Awaits}


@pytest.mark.parametrize("queue", QUEUES)
def test_a_job_that_others_end_waits_for_them_whatever_came_before(queue):
    for tally in TALLIES:
        assert decide(Awaits({"value": 1}), tally=tally, queue=queue_named(queue)) == Wait({"value": 1})


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("outcome", TABLE, ids=repr)
def test_what_follows_each_outcome_on_each_queue_after_whatever_came_before(outcome, queue):
    for tally in TALLIES:
        decision = decide(outcome, tally=tally, queue=queue_named(queue))
        assert told(decision) == expected(outcome, tally, queue), tally
        assert (decision.error is None) == isinstance(outcome, Succeeded)
