"""How often a worker asks the store for one job: held here, since each trip is time that every job pays."""

import uuid
from threading import Thread

import pytest
import redis

from tests.e2e.test_workers import farm, queue  # noqa: F401  (fixtures)

_SCRIPT = "def main(pc, params):\n    return 1\n"
# Submit; claim and commit; then, after its slot is free, what the share and Celery's meta are told.
_TRIPS = ["EVALSHA", "EVALSHA", "EVALSHA", "HGETALL", "SETEX", "PUBLISH", "EVALSHA"]


@pytest.mark.parametrize("settings", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}], ids=["", "traced"])
def test_a_small_job_costs_a_claim_and_a_commit_and_what_is_told_of_its_end(farm, queue, settings):  # noqa: F811
    seen = []
    with farm.worker(queue, **settings):
        farm.ended(farm.send(_SCRIPT, queue=queue))  # all scripts are loaded, all connections there
        with redis.Redis.from_url(farm.store.store_url, socket_timeout=None) as client, client.monitor() as monitor:
            end = uuid.uuid4().hex

            def read():
                for told in monitor.listen():
                    if end in told["command"]:
                        return
                    if told["client_type"] != "lua":
                        seen.append(told["command"])

            thread = Thread(target=read)
            thread.start()
            job_id = farm.send(_SCRIPT, queue=queue)
            # The last that is done for it: the store is told that its end is on the share.
            while client.hget(f"ps:job:{job_id}", "state") != b"SUCCESS" or client.zscore("ps:unmirrored", job_id):
                pass
            client.echo(end)
            thread.join()
    own = [text.split()[0] for text in seen if job_id in text and not text.startswith(("HGET ps", "ZSCORE"))]
    assert sorted(own) == sorted(_TRIPS)
