"""Workers come from nothing and go back to it while jobs run, as KEDA and HPA would have it: real processes, whose
number the models of tests/fakes decide from what the real `GET /scaling/...` tells. Their seconds are shorter here.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.test_workers import Farm, farm, queue  # noqa: F401  (fixtures)
from tests.fakes.hpa_model import Past, Policy, Rules, step
from tests.fakes.keda_model import ScaledJob, ScaledObject, Trigger, polled, to_start

WORK = """
import os, time

def main(pc, params):
    time.sleep(params["seconds"])
    while params["gate"] and not os.path.exists(params["gate"]):
        time.sleep(0.02)
    return params["n"]
"""
# Seconds of each; the second one waits at a gate besides, until the pods were scaled down beside it.
BURST = [0.2, 0.2, 0.5, 1.0, 0.5, 0.2, 1.0]
LATE = [0.2, 0.5]
MOST = 3
POLL = 0.3
# As the longest job may take: no pod is ended before its job.
DRAIN = 3600.0


@dataclass
class Pods:
    """Worker processes as pods: each is told to leave by SIGTERM, and killed when its grace is over, which is never."""

    farm: Farm
    queue: str
    settings: dict[str, str]
    there: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    leaving: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    ended: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    told_while_busy: int = 0
    most: int = 0

    def add(self, count: int) -> None:
        for _ in range(count):
            environment = {**self.farm.environment, "QUEUE_NAME": self.queue, "ENGINE": "none"}
            command = [sys.executable, "-m", "pixyz_scheduler", "worker", "--no-watchdog"]
            self.there.append(subprocess.Popen(command, env={**environment, **self.settings}))
        self.most = max(self.most, len(self.there))

    def take(self, count: int) -> None:
        """An autoscaler does not know who is busy. Here those who are go first."""
        busy = {pod.pid: int(self.farm.worker_of(pod.pid).get("busy", 0)) for pod in self.there}
        for pod in sorted(self.there, key=lambda pod: -busy[pod.pid])[:count]:
            self.told_while_busy += busy[pod.pid]
            self.there.remove(pod)
            self.leaving.append(pod)
            pod.terminate()

    def set(self, count: int) -> None:
        self.add(count - len(self.there))
        self.take(len(self.there) - count)

    def look(self) -> None:
        """Note who has ended."""
        for place in (self.there, self.leaving):
            gone = [pod for pod in place if pod.poll() is not None]
            self.ended += gone
            place[:] = [pod for pod in place if pod not in gone]

    def value(self, name: str) -> int:
        """As a trigger's valueLocation has it."""
        answer = self.farm.http.get(f"/scaling/{self.queue}")
        assert answer.status_code == 200, answer.text
        return answer.json()[name]


@contextmanager
def pods_of(farm: Farm, queue: str, **settings: str) -> Iterator[Pods]:  # noqa: F811
    pods = Pods(farm, queue, {"DRAIN_TIMEOUT": f"{DRAIN:g}", **settings})
    try:
        yield pods
    finally:
        for pod in (*pods.there, *pods.leaving):
            pod.kill()
            pod.wait()


def drive(pods: Pods, look: Callable[[], None], *, gate: Path, may_open: Callable[[], bool]) -> None:
    """From the first jobs until all have ended and no pod is left; more jobs come as the pods go."""
    jobs = send(pods, BURST, gate=gate)
    while pods.there or pods.leaving or not gate.exists():
        pods.look()
        look()
        left = [job_id for job_id in jobs if pods.farm.details(job_id)["status"] != "SUCCESS"]
        if len(left) == 1 and len(jobs) == len(BURST):
            jobs += send(pods, LATE)
        elif len(left) == 1 and may_open():
            gate.touch()
        time.sleep(POLL / 3)
    ended = [pods.farm.details(job_id) for job_id in jobs]
    # None was lost, none was begun twice.
    assert [(each["status"], each["retry"]) for each in ended] == [("SUCCESS", 0)] * len(jobs)
    assert [[attempt["outcome"] for attempt in each["attempts"]] for each in ended] == [["success"]] * len(jobs)
    # Each pod went by itself, in good order.
    assert {pod.returncode for pod in pods.ended} == {0}
    assert 1 < pods.most <= MOST
    assert pods.farm.http.get(f"/scaling/{pods.queue}").json()["outstanding"] == 0


def send(pods: Pods, lengths: list[float], *, gate: Path | None = None) -> list[str]:
    gates = {1: str(gate)} if gate else {}
    return [
        pods.farm.send(WORK, queue=pods.queue, seconds=seconds, n=n, gate=gates.get(n))
        for n, seconds in enumerate(lengths)
    ]


def each(seconds: float, deed: Callable[[float], None]) -> Callable[[], None]:
    """Done now and then."""
    due = 0.0

    def look() -> None:
        nonlocal due
        if (now := time.monotonic()) >= due:
            due = now + seconds
            deed(now)

    return look


def test_a_scaled_object_grows_from_nothing_and_shrinks_beside_a_job_that_it_lets_end(farm, queue, tmp_path):  # noqa: F811
    scaled = ScaledObject(Trigger(target=1), most=MOST, cooldown=1.5, polling=POLL)
    hpa = scaled.hpa(up=Rules(0.0, (Policy("Pods", 4, 1.0),)), down=Rules(1.0, (Policy("Percent", 100, 1.0),)))
    last_active, past = None, Past()

    with pods_of(farm, queue) as pods:

        def look(now: float) -> None:
            nonlocal last_active, past
            value = pods.value("outstanding")
            replicas, last_active = polled(
                scaled, value=value, replicas=len(pods.there), last_active=last_active, now=now
            )
            if replicas and pods.there:
                replicas, past = step(hpa, past, value=value, replicas=replicas, now=now)
            pods.set(replicas)

        assert pods.value("outstanding") == 0
        # The long job's worker is told to leave in the middle of it, and stays to its end.
        drive(pods, each(POLL, look), gate=tmp_path / "gate", may_open=lambda: pods.told_while_busy > 0)


@pytest.mark.parametrize(("strategy", "location"), [("default", "outstanding"), ("accurate", "waiting")])
def test_a_scaled_job_starts_a_pod_for_each_job_and_all_of_them_end(farm, queue, tmp_path, strategy, location):  # noqa: F811
    scaled = ScaledJob(Trigger(target=1), strategy, most=MOST, polling=POLL)
    # Who finds no job leaves: with `accurate` one is started for a job that the one before has not taken yet.
    with pods_of(farm, queue, MAX_TASKS_BEFORE_SHUTDOWN="1", IDLE_TIMEOUT="1") as pods:

        def look(_: float) -> None:
            pods.add(to_start(scaled, value=pods.value(location), running=len(pods.there)))

        drive(pods, each(POLL, look), gate=tmp_path / "gate", may_open=lambda: True)
        # One job a pod, at most.
        assert len(pods.ended) >= len(BURST) + len(LATE)


def test_the_route_is_asked_as_keda_asks_it(farm, queue):  # noqa: F811
    """A GET with the key in a header; a number at a GJSON path of the answer."""
    farm.send(WORK, queue=queue, seconds=0, n=0, gate=None)
    answer = farm.http.get(f"/scaling/{queue},zip", headers={"accept": "*/*"})
    assert answer.headers["content-type"] == "application/json"
    assert {name: type(value) for name, value in json.loads(answer.content).items()} == dict.fromkeys(
        ("waiting", "running", "outstanding"), int
    )
