"""The stall guard on real queues."""

import threading

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.dispatch import messages_in
from pixyz_scheduler.worker.stall_guard import StallGuard

PATIENCE = 20.0


def guard_on(client):
    return StallGuard(
        waiting=lambda: messages_in(client, ("cpu", "gpu")),
        is_free=lambda: True,
        heard=lambda: 0.0,
        on_deaf=lambda: None,
        patience=PATIENCE,
    )


def test_messages_of_any_priority_in_any_of_its_queues_count_and_others_do_not(store_url):
    client = connect(store_url)
    client.flushall()
    client.lpush("gpu:7", "a")
    client.lpush("cpu", "b", "c")
    client.lpush("zip", "not ours")
    assert messages_in(client, ("cpu", "gpu")) == 3
    client.close()


def test_a_worker_that_hears_nothing_while_messages_lie_there_is_deaf(store_url):
    client = connect(store_url)
    client.flushall()
    client.lpush("cpu:5", "a")
    guard = guard_on(client)
    assert not guard.look(100.0)
    assert not guard.look(99.0 + PATIENCE)
    assert guard.look(100.0 + PATIENCE)
    client.close()


def test_a_store_that_is_away_makes_nobody_deaf(tmp_path):
    guard = guard_on(connect(f"unix://{tmp_path}/nobody.sock"))
    assert not guard.look(100.0)
    assert not guard.look(100.0 + 2 * PATIENCE)


def test_a_worker_that_was_found_to_be_deaf_lives_no_more_while_it_hands_its_jobs_back(store_url):
    client = connect(store_url)
    client.flushall()
    client.lpush("cpu:5", "a")
    found, handed_back = threading.Event(), threading.Event()

    def hand_back():
        found.set()
        handed_back.wait()

    guard = StallGuard(
        waiting=lambda: messages_in(client, ("cpu",)),
        is_free=lambda: True,
        heard=lambda: 0.0,
        on_deaf=hand_back,
        patience=0.02,
    )
    with guard:
        found.wait()
        assert not guard.goes_on
        handed_back.set()
    client.close()
