"""The doorbell, beside what Celery itself would send."""

import json
import uuid

import pytest

from pixyz_scheduler.broker.celery_app import EXECUTE, make_celery
from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.dispatch import CeleryDispatch
from pixyz_scheduler.broker.records import Bell
from pixyz_scheduler.errors import StoreUnavailable
from pixyz_scheduler.jobs.job import JobId

PASSING = {"delivery_tag", "delivery_info", "reply_to", "priority"}


@pytest.mark.parametrize("priority", [0, 5, 9])
def test_a_doorbell_is_the_message_that_celery_would_send_in_the_list_where_it_would_lie(store_url, priority):
    broker = store_url.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
    app = make_celery(broker_url=broker, result_backend=broker)
    client = connect(store_url)
    client.flushall()
    job_id = JobId(str(uuid.uuid4()))
    CeleryDispatch(app, client).ring(Bell(job_id, "wine", priority))
    (key,) = client.keys("wine*")
    ours = json.loads(client.rpop(key))
    app.send_task(EXECUTE, task_id=job_id, queue="wine", priority=priority, ignore_result=True)
    theirs = json.loads(client.rpop(key))
    assert ours["headers"].keys() == theirs["headers"].keys()
    assert ours["headers"] | {"ignore_result": True, "argsrepr": "()"} == theirs["headers"] | {"argsrepr": "()"}
    assert ours["properties"].keys() == theirs["properties"].keys()
    common = ours["properties"].keys() - PASSING
    assert {name: ours["properties"][name] for name in common} == {name: theirs["properties"][name] for name in common}
    assert (ours["body"], ours["content-type"]) == (theirs["body"], theirs["content-type"])
    assert ours["properties"]["delivery_info"]["routing_key"] == "wine"
    app.close()
    client.close()


def test_a_store_that_is_away_is_said_in_words(tmp_path):
    app = make_celery(broker_url="memory://", result_backend="cache+memory://")
    dispatch = CeleryDispatch(app, connect(f"unix://{tmp_path}/nobody.sock"))
    with pytest.raises(StoreUnavailable, match="Redis does not answer"):
        dispatch.ring(Bell(JobId(str(uuid.uuid4())), "cpu", 5))
