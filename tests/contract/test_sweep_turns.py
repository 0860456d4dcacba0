"""However many processes sweep, the store is looked through once in a while; and who is dead is found all the same."""

import time

from pixyz_scheduler.jobs.attempt import Fence, Lease

LEASE = Lease(Fence("nonce"), "w1")
LONG = 60.0


def looks(client):
    """How often the leases were looked through."""
    return client.info("commandstats").get("cmdstat_zrangebyscore", {"calls": 0})["calls"]


def lose(store, job_id):
    store.claim(job_id, queue="cpu", lease=LEASE)
    for _ in range(8):
        store.now_ms += 1000
        store.sweep()


def test_a_thousand_sweeps_within_a_turn_look_once(store, client, job_id):
    lose(store, job_id)
    before = looks(client)
    assert store.sweep(turn=LONG).expired == (job_id,)
    once = looks(client) - before
    found = {store.sweep(turn=LONG).expired for _ in range(1000)}
    assert (found, looks(client) - before) == ({()}, once)


def test_the_next_turn_finds_again_what_nobody_has_ended(store, client, job_id):
    lose(store, job_id)
    assert store.sweep(turn=0.05).expired == (job_id,)
    while client.exists("ps:swept"):
        time.sleep(0.001)
    assert store.sweep(turn=0.05).expired == (job_id,)


def test_a_turn_ends_by_itself_when_its_owner_has_died(store, client):
    store.sweep(turn=LONG)
    assert 0 < client.pttl("ps:swept") <= LONG * 1000
