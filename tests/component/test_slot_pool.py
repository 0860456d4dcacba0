"""Our Celery pool under a real event loop."""

import threading

import pytest
from celery import Celery
from celery.worker import state
from kombu.asynchronous import Hub

from pixyz_scheduler.worker.pool import LENT, SlotPool, settling


@pytest.fixture
def pool():
    pool = SlotPool(1)
    pool.start()
    yield pool
    pool.stop()


def test_the_end_of_a_task_wakes_the_event_loop_that_waits_for_nothing_else(pool):
    """So the next message is fetched at once: a loop that were not woken would look again after its second."""
    hub, gate = Hub(), threading.Event()
    try:
        pool.register_with_event_loop(hub)
        for _ in range(2):
            gate.clear()
            pool.on_apply(gate.wait, (), {}, accept_callback=None, callback=lambda _: None)
            assert hub.poller.poll(0) == []
            gate.set()
            # No timeout: it returns for the task's end, or never.
            ((descriptor, _),) = hub.poller.poll(None)
            callback, arguments = hub.readers[descriptor]
            callback(*arguments)
            assert hub.poller.poll(0) == []
    finally:
        hub.close()


def test_a_slot_is_free_again_though_celery_could_not_end_its_task(caplog):
    class Request:
        id = "a task"

        def on_success(self, _):
            raise OSError("the store refuses")

    request = Request()
    state.task_reserved(request)
    assert request in state.reserved_requests
    settling(request.on_success)("a result")
    assert request not in state.reserved_requests
    assert "the store refuses" in caplog.text


def test_a_slot_that_is_lent_is_one_more_for_celery_and_its_threads():
    app, lent = Celery(set_as_current=False), [0]
    vars(app)[LENT] = lambda: lent[0]
    pool = SlotPool(1, app=app)
    pool.start()
    gate, begun = threading.Event(), threading.Semaphore(0)
    try:
        assert pool.num_processes == 1
        lent[0] = 1
        assert pool.num_processes == 2
        for _ in range(2):
            pool.on_apply(lambda: (begun.release(), gate.wait()), (), {}, callback=lambda _: None)
        for _ in range(2):
            begun.acquire()
        lent[0] = 1000
        assert pool.num_processes == 64
    finally:
        gate.set()
        pool.stop()
