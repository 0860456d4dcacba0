"""Reconcile, on a real store and share: what the share knows comes back, what the store knows stays as it is."""

import json
import threading
import tracemalloc
import uuid
from collections import Counter

import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.families import Families
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import StoreUnavailable, Unavailable
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.mirrored import sent_text
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.jobs.workflow import list_of, result_of, to_text
from pixyz_scheduler.storage.share import Share
from pixyz_scheduler.upkeep.mirror import Mirror
from pixyz_scheduler.upkeep.reconcile import Reconcile

LEASE = Lease(Fence("f"), "w1")
FAILED = Finish(JobState.FAILURE, "script_error", "ValueError: x")


class Bells:
    def __init__(self):
        self.rung = []

    def ring(self, bell):
        self.rung.append(bell.job_id)


@pytest.fixture
def records(client):
    return RecordStore(client)


@pytest.fixture
def share(tmp_path):
    (tmp_path / "share").mkdir()
    return Share(tmp_path / "share")


@pytest.fixture
def bells():
    return Bells()


@pytest.fixture
def reconcile(records, share, bells):
    paused = []

    def run(*, dry_run=False, pause=paused.append):
        look = Reconcile(records=records, dispatch=bells, share=share, dry_run=dry_run, pause=pause)
        return {finding.job_id: finding for finding in look.run()}

    run.paused = paused
    return run


@pytest.fixture
def job_of(records, share):
    """A job in a state, as API and worker leave it; `submitted` orders them."""

    def make(state=None, *, submitted=1000.0, queue="cpu", record=True):
        job = Job(JobId(str(uuid.uuid4())), "custom", JobOptions(queue=queue), submitted=submitted, name="né")
        with share.incoming() as incoming:
            incoming.describe(sent_text(job))
            incoming.adopt(job.id)
        if not record:
            return job.id
        records.submit(job)
        if state == "REVOKED":
            records.cancel(job.id)
        elif state is not None:
            records.claim(job.id, queue=queue, lease=LEASE)
        if state in ("SUCCESS", "FAILURE"):
            decision = Finish(JobState.SUCCESS) if state == "SUCCESS" else FAILED
            fields = {"result": '{"a":"\\u20ac"}', "traceback": "Traceback ...", "attempts": '[{"number":1}]'}
            records.commit(job.id, decision, lease=LEASE, fields=fields)
        if state in ("SUCCESS", "FAILURE", "REVOKED"):
            Mirror(records, share).write(job.id)
        return job.id

    return make


@pytest.fixture
def child_of(records, share, client):
    """A job that another has started, with its folder."""
    families = Families(records, client)

    def make(parent, *after, ends=False):
        needs = to_text(list_of(*map(result_of, after))) if after else None
        relatives = {"parent": parent, "root": parent, "inputs_of": parent}
        job_id = JobId(str(uuid.uuid4()))
        job = Job(job_id, "custom", JobOptions(), 2000.0, needs=needs, after=after, **relatives)
        share.make_folder(job.id, sent_text(job))
        families.start(job)
        if ends:
            records.claim(job.id, queue="cpu", lease=LEASE)
            records.commit(job.id, Finish(JobState.SUCCESS), lease=LEASE, fields={"result": "1"})
            Mirror(records, share).write(job.id)
        return job.id

    return make


def test_a_workflow_whose_job_has_ended_goes_on_where_it_was(reconcile, records, client, job_of, child_of, bells):
    job_id = job_of("SUCCESS")
    first = child_of(job_id, ends=True)
    second = child_of(job_id)
    third = child_of(job_id, first, second)
    client.flushall()
    findings = reconcile()
    assert [findings[each].what for each in (job_id, first, second, third)] == ["SUCCESS", "SUCCESS", *["in line"] * 2]
    assert bells.rung[:1] == [second]
    assert records.claim(third, queue="cpu", lease=LEASE).verdict == "taken"
    assert records.waiting(third).before == 1
    records.claim(second, queue="cpu", lease=LEASE)
    records.commit(second, Finish(JobState.SUCCESS), lease=LEASE, fields={"result": "2"})
    assert records.claim(third, queue="cpu", lease=LEASE).verdict == "run"
    assert not records.expire(job_id, moment=1e12)


def test_sub_tasks_of_a_job_that_runs_again_come_with_it_and_what_had_ended_is_met(
    reconcile, records, client, job_of, child_of
):
    job_id = job_of("STARTED")
    first = child_of(job_id, ends=True)
    second = child_of(job_id, first)
    client.flushall()
    findings = reconcile()
    assert findings[second].what == "comes with the job that starts it"
    assert findings[first].what == "SUCCESS"
    assert not records.has(second)
    assert Families(records, client).children(job_id) == [first]


def test_a_sub_task_of_a_cancelled_job_stays_cancelled_where_only_the_jobs_end_was_told(
    reconcile, records, share, client, job_of, child_of, bells
):
    job_id = job_of("STARTED")
    first = child_of(job_id)
    second = child_of(job_id, first)
    records.cancel(job_id)
    records.commit(job_id, Finish(JobState.SUCCESS), lease=LEASE)
    assert records.report(first).state is JobState.REVOKED
    Mirror(records, share).write(job_id)
    client.flushall()
    findings = reconcile()
    assert findings[job_id].what == "REVOKED"
    assert [records.report(each).state for each in (first, second)] == [JobState.REVOKED] * 2
    assert bells.rung == []
    assert {findings[first].what, findings[second].what} == {"REVOKED"}


def what(findings):
    return dict(Counter(finding.what for finding in findings.values()))


def dump(client):
    """All of the store but its events."""
    found = {}
    for key in client.scan_iter("ps:*"):
        match client.type(key):
            case "hash":
                found[key] = client.hgetall(key)
            case "zset":
                found[key] = client.zrange(key, 0, -1, withscores=True)
            case "set":
                found[key] = client.smembers(key)
    return found


def test_after_a_total_loss_ended_jobs_are_as_they_were_and_the_others_are_in_line_oldest_first(
    reconcile, records, client, job_of, bells
):
    ended = {job_of(state): state for state in ("SUCCESS", "FAILURE", "REVOKED")}
    others = [job_of(state, submitted=moment) for state, moment in (("STARTED", 3.0), (None, 1.0), (None, 2.0))]
    before = {job_id: records.record(job_id) for job_id in ended}
    client.flushall()
    findings = reconcile()
    assert {job_id: findings[job_id].what for job_id in ended} == ended
    assert {job_id: records.record(job_id) for job_id in ended} == before
    assert [findings[job_id].what for job_id in others] == ["in line"] * 3
    assert bells.rung == [others[1], others[2], others[0]]
    assert {records.report(job_id).state for job_id in others} == {JobState.SENT}
    assert records.claim(others[0], queue="cpu", lease=LEASE).verdict == "run"


def test_twice_is_once(reconcile, client, job_of, bells):
    for state in ("SUCCESS", None):
        job_of(state)
    client.flushall()
    assert what(reconcile()) == {"SUCCESS": 1, "in line": 1}
    before = dump(client)
    assert what(reconcile()) == {"known": 2}
    assert dump(client) == before
    assert len(bells.rung) == 1


def test_a_dry_run_says_the_same_and_changes_nothing(reconcile, client, job_of, bells):
    for state in ("SUCCESS", "FAILURE", None, "STARTED"):
        job_of(state)
    client.flushall()
    dry = reconcile(dry_run=True)
    assert (dump(client), bells.rung, reconcile.paused) == ({}, [], [])
    assert {job_id: finding.what for job_id, finding in reconcile().items()} == {
        job_id: finding.what for job_id, finding in dry.items()
    }


def test_what_the_store_knows_is_left_alone_whatever_the_share_says(reconcile, records, client, job_of):
    known = {job_of(state): state for state in ("SUCCESS", "FAILURE", "REVOKED", "STARTED", None)}
    again = next(iter(known))
    records.run_again(again, queue="cpu")
    before = dump(client)
    assert what(reconcile()) == {"known": 5}
    assert dump(client) == before


def test_what_cannot_be_read_is_said_with_its_reason_and_keeps_nobody(reconcile, client, job_of, share, tmp_path):
    whole, damaged, bare, linked, lying, foreign = (job_of("SUCCESS") for _ in range(6))
    (share.folder(damaged).path / ".state" / "final.json").write_text("{")
    for name in ("job.json", "final.json"):
        (share.folder(bare).path / ".state" / name).unlink()
    share.folder(linked).path.rename(tmp_path / "moved")
    share.folder(linked).path.symlink_to(tmp_path / "moved")
    (share.folder(lying).path / ".state" / "final.json").write_bytes(
        (share.folder(whole).path / ".state" / "final.json").read_bytes()
    )
    path = share.folder(foreign).path / ".state" / "final.json"
    text = json.loads(path.read_bytes())
    text["record"]["v"] = "2"
    path.write_text(json.dumps(text))
    client.flushall()
    findings = reconcile()
    assert findings.pop(whole).what == "SUCCESS"
    assert {finding.what for finding in findings.values()} == {"unreadable"}
    reasons = {job_id: finding.reason for job_id, finding in findings.items()}
    assert "not JSON" in reasons[damaged]
    assert "neither final.json nor job.json" in reasons[bare]
    assert "not as we made it" in reasons[linked]
    assert "another job" in reasons[lying]
    assert "version '2'" in reasons[foreign]
    assert client.keys("ps:job:*") == [f"ps:job:{whole}"]


def test_an_end_that_cannot_be_read_never_makes_the_job_run_again(reconcile, job_of, share, client):
    job_id = job_of("SUCCESS")
    (share.folder(job_id).path / ".state" / "final.json").write_bytes(b"")
    client.flushall()
    assert reconcile()[job_id].what == "unreadable"
    assert client.keys("ps:job:*") == []


def test_what_else_lies_on_the_share_is_nobodys_job(reconcile, share):
    (share.root / "notes.txt").write_text("x")
    (share.root / "backup").mkdir()
    (share.root / str(uuid.uuid4()).upper()).mkdir()
    share.sweep(now=0, older_than=0)
    assert reconcile() == {}


def test_a_job_whose_record_is_about_to_be_written_is_the_apis(reconcile, records, job_of, bells):
    """Its folder lies there a moment before; the API is done while reconcile waits."""
    job_id = job_of(record=False)

    def api_goes_on(_):
        records.submit(Job(job_id, "custom", JobOptions(), submitted=0.0))
        records.claim(job_id, queue="cpu", lease=LEASE)

    assert reconcile(pause=api_goes_on)[job_id].what == "known"
    assert (records.report(job_id).state, bells.rung) == (JobState.STARTED, [])


def test_a_job_that_is_refused_at_that_moment_is_not_run(reconcile, share, job_of, client):
    job_id = job_of(record=False)
    assert reconcile(pause=lambda _: share.folder(job_id).remove())[job_id].what == "gone"
    assert not client.exists(f"ps:job:{job_id}")


def test_several_at_once_beside_apis_and_workers_make_one_record_of_each(
    store_url, records, share, job_of, client, bells
):
    ended = [job_of("SUCCESS") for _ in range(30)]
    others = [job_of() for _ in range(30)]
    before = {job_id: records.record(job_id) for job_id in ended}
    client.flushall()
    fresh = []

    def look():
        with connect(store_url) as own:
            list(Reconcile(records=RecordStore(own), dispatch=bells, share=share, dry_run=False, pause=str).run())

    def work():
        for job_id in others:
            records.claim(job_id, queue="cpu", lease=LEASE)
            fresh.append(job_of())

    threads = [threading.Thread(target=run) for run in (look, work, look, look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {job_id: records.record(job_id) for job_id in ended} == before
    assert set(client.zrange("ps:jobs", 0, -1)) == {*ended, *others, *fresh}
    assert set(bells.rung) - set(fresh) == set(others)
    assert len(bells.rung) == len(set(bells.rung))


def test_a_store_or_a_share_that_is_away_is_said(share, job_of, records, bells, tmp_path):
    job_of("SUCCESS")
    away = RecordStore(connect(f"unix://{tmp_path}/nobody.sock"))
    with pytest.raises(StoreUnavailable):
        list(Reconcile(records=away, dispatch=bells, share=share, dry_run=False).run())
    share.root.rename(tmp_path / "moved")
    with pytest.raises(Unavailable, match="cannot be read"):
        list(Reconcile(records=records, dispatch=bells, share=share, dry_run=False).run())


def test_memory_does_not_grow_with_the_share(records, bells, tmp_path):
    """3000 folders that are read to the end, a few bytes of each kept."""
    root = tmp_path / "large"
    root.mkdir()
    ended = {"v": "1", "process": "sleep", "options": "{}", "submitted": "1", "state": "SUCCESS", "stopped": "2"}
    for number in range(3000):
        job_id = str(uuid.UUID(int=number))
        (root / job_id / ".state").mkdir(parents=True)
        text = {"format": 1, "id": job_id, "record": {**ended, "queue": "cpu", "result": "x" * 2000}}
        (root / job_id / ".state" / "final.json").write_text(json.dumps(text))
    look = Reconcile(records=records, dispatch=bells, share=Share(root), dry_run=False)
    tracemalloc.start()
    try:
        assert Counter(finding.what for finding in look.run()) == {"SUCCESS": 3000}
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
