"""Celery's pool of a worker that hears its doorbells itself."""

from kombu.asynchronous import Hub

from pixyz_scheduler.worker.pool import IdlePool


def test_it_has_no_room_for_a_task_and_wakes_the_event_loop():
    pool, hub = IdlePool(3), Hub()
    pool.start()
    try:
        pool.register_with_event_loop(hub)
        assert (pool.num_processes, pool.info["max-concurrency"]) == (0, 3)
        assert hub.poller.poll(0) == []
        pool.wake()
        ((descriptor, _),) = hub.poller.poll(None)
        callback, arguments = hub.readers[descriptor]
        callback(*arguments)
        assert hub.poller.poll(0) == []
    finally:
        hub.close()
        pool.stop()
