"""What those who run a farm are told, and what they may do to what waits; time is given."""

from dataclasses import replace

import pytest

from pixyz_scheduler.broker.farm import Announcer, Farm, Worker
from pixyz_scheduler.broker.overview import Overview
from pixyz_scheduler.jobs.attempt import Fence, Lease, Tally
from pixyz_scheduler.jobs.retry import TryAgain, Wait
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.workflow import result_of
from tests.contract.record_steps import DONE, pass_time, state, submit

LEASE = Lease(Fence("f"), "w1")
LATER = TryAgain("cpu", Tally(hindrances=1), "infrastructure", "disk full", delay=30.0)
WORKER = Worker("w1", ("cpu", "idle"), slots=2, host="h", pid=1, version="1", started=1.0)


@pytest.fixture
def overview(client, store):
    return Overview(client, store)


@pytest.fixture
def farm_of_all_kinds(store):
    """One job of each kind; by name."""
    jobs = {}
    jobs["later"] = submit(store)
    store.claim(jobs["later"], queue="cpu", lease=LEASE)
    store.commit(jobs["later"], LATER, lease=LEASE)
    for name, queue in (("licensed", "gpu"), ("parked", "gpu")):
        jobs[name] = submit(store, queue=queue)
        store.claim(jobs[name], queue=queue, lease=Lease(Fence(name), "w1"), tokens=1)
    jobs["waiting"], jobs["urgent"] = submit(store), submit(store, priority=1)
    jobs["done"] = submit(store)
    store.claim(jobs["done"], queue="cpu", lease=LEASE)
    store.commit(jobs["done"], DONE, lease=LEASE)
    Farm(store).announce(WORKER)
    return jobs


def test_jobs_are_shown_by_what_they_do(overview, farm_of_all_kinds):
    jobs = farm_of_all_kinds
    assert [(job.job_id, job.worker) for job in overview.active()] == [(jobs["licensed"], "w1")]
    (later,) = overview.delayed()
    assert (later.job_id, later.due, later.state) == (jobs["later"], 30.0, JobState.RETRY)
    in_line = [(job.job_id, job.parked) for job in overview.in_line()]
    assert in_line == [(jobs["urgent"], False), (jobs["waiting"], False), (jobs["parked"], True)]


def test_queues_are_counted_also_those_on_which_a_worker_only_listens(overview, farm_of_all_kinds, store):
    lines = {line.queue: line for line in overview.lines()}
    assert farm_of_all_kinds["done"]
    cpu, gpu, idle = lines["cpu"], lines["gpu"], lines["idle"]
    assert (cpu.waiting, cpu.delayed, cpu.parked, cpu.running, cpu.listeners) == (2, 1, 0, 0, 1)
    assert (gpu.waiting, gpu.delayed, gpu.parked, gpu.running, gpu.listeners) == (0, 0, 1, 1, 0)
    assert (idle.waiting, idle.listeners, idle.oldest) == (0, 1, None)
    submitted = [float(store.record(farm_of_all_kinds[name])["submitted"]) for name in ("waiting", "urgent")]
    assert cpu.oldest == min(submitted)


def test_states_and_licences_are_counted(overview, farm_of_all_kinds):
    assert farm_of_all_kinds
    assert overview.by_state() == {"SENT": 3, "STARTED": 1, "SUCCESS": 1, "RETRY": 1}
    assert overview.licences() == (1, 1)
    assert overview.store()["server"].startswith("valkey ")


def test_a_purge_cancels_all_that_waits_and_nothing_that_runs_or_has_ended(overview, farm_of_all_kinds, store):
    jobs = farm_of_all_kinds
    assert set(overview.cancel_waiting("cpu")) == {jobs["later"], jobs["waiting"], jobs["urgent"]}
    assert set(overview.cancel_waiting(None)) == {jobs["parked"]}
    ends = {name: state(store, job_id) for name, job_id in jobs.items()}
    revoked = {name for name, end in ends.items() if end is JobState.REVOKED}
    assert revoked == {"later", "waiting", "urgent", "parked"}
    assert (ends["licensed"], ends["done"]) == (JobState.STARTED, JobState.SUCCESS)


def test_a_job_that_was_begun_between_the_look_and_the_purge_goes_on(overview, store):
    job_id = submit(store)
    purging = overview.cancel_waiting(None)
    seen = list(overview.in_line())
    store.claim(job_id, queue="cpu", lease=LEASE)
    assert [job.job_id for job in seen] == [job_id]
    assert store.run("cancel_waiting", job_id) == "STARTED"
    assert list(purging) == []
    assert store.renew(job_id, lease=LEASE) == "go_on"


def test_a_worker_hears_at_its_next_word_that_it_shall_leave(store):
    farm = Farm(store)
    assert farm.announce(WORKER) is False
    assert farm.drain("w1") is True
    assert farm.drain("nobody") is False
    assert farm.announce(replace(WORKER, busy=1)) is True
    farm.withdraw(WORKER)
    assert farm.drain("w1") is False
    assert farm.announce(WORKER) is False


def test_a_worker_that_is_silent_for_too_long_cannot_be_told(store):
    farm = Farm(store)
    farm.announce(WORKER)
    pass_time(store, 8)
    assert farm.drain("w1") is False


def test_who_announces_a_worker_passes_it_on_once(store):
    told = []
    farm = Farm(store)
    announcer = Announcer(farm, lambda: WORKER, each=60.0)
    announcer.on_drain = lambda: told.append("leave")
    announcer._try()
    farm.drain("w1")
    announcer._try()
    announcer._try()
    assert told == ["leave"]


def test_a_job_that_awaits_what_it_has_started_is_active_and_says_so(overview, store):
    parent, child = submit(store), submit(store)
    store.claim(parent, queue="cpu", lease=LEASE)
    store.commit(parent, Wait(result_of(child)), lease=LEASE)
    assert [(job.job_id, job.awaiting) for job in overview.active()] == [(parent, True)]
