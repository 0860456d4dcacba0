"""Licence tokens: never more jobs than tokens, and none of them waits longer than it must."""

import pytest

from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.state import JobState
from tests.contract.record_steps import AGAIN, DONE, pass_time, state, submit

LEASES = [Lease(Fence(f"licensed-{n}"), f"w{n}") for n in range(4)]


def licensed(store, job_id, n, tokens=2):
    return store.claim(job_id, queue="cpu", lease=LEASES[n], tokens=tokens).verdict


def test_no_more_jobs_run_than_there_are_licence_tokens(store):
    ids = [submit(store) for _ in range(3)]
    assert [licensed(store, job_id, n) for n, job_id in enumerate(ids)] == ["run", "run", "no_licence"]
    assert store.claim(ids[2], queue="cpu", lease=LEASES[2]).verdict == "taken"
    assert state(store, ids[2]) is JobState.SENT
    assert store.sweep().bells == ()


def test_a_job_that_needs_no_licence_runs_while_all_tokens_are_taken(store):
    first, other = submit(store), submit(store)
    licensed(store, first, 0, tokens=1)
    assert store.claim(other, queue="cpu", lease=LEASES[1]).verdict == "run"


@pytest.mark.parametrize("how", ["ends", "is tried again", "is cancelled", "is lost"])
def test_a_token_is_free_again_when_its_job(store, how):
    holder, waiting = submit(store), submit(store)
    licensed(store, holder, 0, tokens=1)
    assert licensed(store, waiting, 1, tokens=1) == "no_licence"
    match how:
        case "ends":
            store.commit(holder, DONE, lease=LEASES[0])
        case "is tried again":
            store.commit(holder, AGAIN, lease=LEASES[0])
        case "is cancelled":
            store.cancel(holder)
            store.commit(holder, DONE, lease=LEASES[0])
        case "is lost":
            pass_time(store, 8)
            store.commit(holder, AGAIN, lease=LEASES[0], by="sweeper")
    assert [bell.job_id for bell in store.sweep().bells] == [waiting]
    assert licensed(store, waiting, 1, tokens=1) == "run"


def test_the_most_urgent_and_then_the_longest_waiting_gets_the_next_token(store):
    holder = submit(store)
    late, early, urgent = submit(store), submit(store), submit(store, priority=1)
    licensed(store, holder, 0, tokens=1)
    for job_id in (early, late, urgent):
        store.now_ms += 10
        assert licensed(store, job_id, 1, tokens=1) == "no_licence"
    order = []
    for n in range(3):
        last = holder if not order else order[-1]
        store.commit(last, DONE, lease=LEASES[0])
        order += [bell.job_id for bell in store.sweep().bells]
        assert licensed(store, order[n], 0, tokens=1) == "run"
    assert order == [urgent, early, late]


def test_a_job_that_waits_for_a_token_can_be_cancelled_and_is_not_rung(store):
    holder, waiting = submit(store), submit(store)
    licensed(store, holder, 0, tokens=1)
    licensed(store, waiting, 1, tokens=1)
    assert store.cancel(waiting) == "REVOKED"
    store.commit(holder, DONE, lease=LEASES[0])
    assert store.sweep().bells == ()


def test_a_token_whose_holder_was_evicted_is_free(store, client):
    holder, waiting = submit(store), submit(store)
    licensed(store, holder, 0, tokens=1)
    licensed(store, waiting, 1, tokens=1)
    client.delete(f"ps:job:{holder}")
    pass_time(store, 8)
    assert licensed(store, waiting, 1, tokens=1) == "run"
