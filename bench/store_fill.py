"""Fill: many ended jobs in a store, copied in it from some that went through the program's own scripts."""

import time
import uuid

import redis

from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.jobs.attempt import Attempt, Fence, Lease, Tally
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.outcome import Raised, Succeeded
from pixyz_scheduler.jobs.queues import queue_named
from pixyz_scheduler.jobs.report import ended_attempt
from pixyz_scheduler.jobs.retry import decide

_BATCH = 500
_QUEUES = ("cpu", "gpu")
# For each id: the record and the indexes of an ended job of which the template tells; each a millisecond later.
_COPY = """
local record, times = redis.call('HGETALL', 'ps:job:' .. ARGV[1]), {}
local got = redis.call('HMGET', 'ps:job:' .. ARGV[1], 'state', 'queue', 'name')
local at = {}
for i = 1, #record, 2 do at[record[i]] = i + 1 end
for i = 3, #ARGV do
  local moment = string.format('%.3f', tonumber(ARGV[2]) + i / 1000)
  record[at['submitted']], record[at['stopped']] = moment, moment
  redis.call('HSET', 'ps:job:' .. ARGV[i], unpack(record))
  redis.call('ZADD', 'ps:jobs', moment, ARGV[i])
  redis.call('ZADD', 'ps:state:' .. got[1], moment, ARGV[i])
  redis.call('ZADD', 'ps:queue:' .. got[2], moment, ARGV[i])
  redis.call('ZADD', 'ps:finished', moment, ARGV[i])
  if got[3] then redis.call('ZADD', 'ps:name:' .. got[3], moment, ARGV[i]) end
end
"""


class Fill:
    """A store that is filled, and how many jobs it has by this.

    Args:
        client: decoded answers.
        records: on it.
    """

    def __init__(self, client: "redis.Redis", records: RecordStore) -> None:
        self._client = client
        self._records = records
        self._copy = client.register_script(_COPY)
        self._moment = time.time() - 3_000_000
        self._templates = [self._run(queue, fails=at % 2 == 1) for at, queue in enumerate(_QUEUES * 2)]
        self.count = len(self._templates)

    def up_to(self, count: int) -> None:
        """Until there are so many."""
        while self.count < count:
            template = self._templates[(self.count // _BATCH) % len(self._templates)]
            ids = [str(uuid.uuid4()) for _ in range(min(_BATCH, count - self.count))]
            self._copy(args=[template, self._moment, *ids])
            self._moment += 1
            self.count += len(ids)

    def sameness(self) -> float:
        """Bytes of a record that the scripts wrote to those of its copy; raises where an index has one alone."""
        ours, copy = self._templates[0], str(uuid.uuid4())
        self._copy(args=[ours, self._moment, copy])
        self.count += 1
        for key in self._client.scan_iter("ps:*", _type="zset"):
            if (self._client.zscore(key, ours) is None) != (self._client.zscore(key, copy) is None):
                raise RuntimeError(f"{key} has a job or its copy, and not both")
        return self._bytes(ours) / self._bytes(copy)

    def _bytes(self, job_id: str) -> int:
        return int(self._client.memory_usage(f"ps:job:{job_id}", samples=0) or 0)

    def _run(self, queue: str, *, fails: bool) -> JobId:
        job_id = JobId(str(uuid.uuid4()))
        options = JobOptions(queue=queue, entrypoint="convert" if fails else "main")
        params = '{"quality":"low","format":"glb"}'
        name = "wheel" if fails else None
        job = Job(
            job_id,
            "custom",
            options,
            time.time(),
            params=params,
            script="script.py",
            input_file="wheel.step",
            name=name,
        )
        self._records.submit(job)
        lease = Lease(Fence(uuid.uuid4().hex[:16]), "host-12345-abcdef")
        report = self._records.claim(job_id, queue=queue, lease=lease).report
        if report is None:
            raise RuntimeError(f"job {job_id} was not to be had")
        outcome = (
            Raised("ValueError: x", traceback="Traceback: line 1") if fails else Succeeded({"output": "wheel.glb"})
        )
        decision = decide(outcome, tally=Tally(), queue=queue_named(queue))
        attempt = Attempt(
            1, lease.worker, queue, report.started or 0.0, time.time(), decision.cause or "success", 0, None, 28764
        )
        fields = {"attempts": ended_attempt(report, attempt)}
        fields |= {} if fails else {"result": '{"output":"wheel.glb"}'}
        self._records.commit(job_id, decision, lease=lease, fields=fields)
        # As the mirror does once it is on the share.
        self._client.zrem("ps:unmirrored", job_id)
        return job_id
