"""A doorbell that was taken needs no acknowledgement, and none fails when the connection has gone meanwhile."""

import uuid

import pytest

from pixyz_scheduler.broker.celery_app import EXECUTE, make_celery


@pytest.mark.parametrize("word", ["ack_log_error", "reject_log_error"])
def test_a_doorbell_is_acknowledged_though_its_connection_was_closed_meanwhile(store_url, word):
    broker = store_url.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
    app = make_celery(broker_url=broker, result_backend=broker)
    queue, heard = f"wine-{uuid.uuid4()}", []
    app.send_task(EXECUTE, queue=queue, ignore_result=True)
    app.amqp.queues.select_add(queue)
    with app.connection_for_read() as connection:
        channel = connection.channel()
        consumer = app.amqp.TaskConsumer(channel, queues=[app.amqp.queues[queue]], on_message=heard.append)
        with consumer:
            while not heard:
                connection.drain_events(timeout=5)
    # As Celery does it: a moment later, and with what it takes for errors of the connection.
    getattr(heard[0], word)(None, connection.connection_errors)
    app.close()
