"""The janitor, on a real store and share: time comes in."""

import os
import uuid

import pytest

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.records import RecordStore
from pixyz_scheduler.errors import JobNotFound
from pixyz_scheduler.janitor import Janitor
from pixyz_scheduler.jobs.attempt import Fence, Lease
from pixyz_scheduler.jobs.job import Job, JobId, JobOptions
from pixyz_scheduler.jobs.retry import Finish
from pixyz_scheduler.jobs.state import JobState
from pixyz_scheduler.storage.share import Share

SUBMITTED_MS = 1_000_000_000
ENDED = SUBMITTED_MS / 1000 + 50
LEASE = Lease(Fence("f"), "w1")


@pytest.fixture
def records(store_url):
    client = connect(store_url)
    client.flushall()
    yield RecordStore(client, now_ms=SUBMITTED_MS)
    client.close()


@pytest.fixture
def share(tmp_path):
    (tmp_path / "share").mkdir()
    return Share(tmp_path / "share")


def make(records, share, *, ended):
    job_id = JobId(str(uuid.uuid4()))
    with share.incoming() as incoming:
        incoming.adopt(job_id)
    records.now_ms = SUBMITTED_MS
    records.submit(Job(job_id, "custom", JobOptions(), submitted=0.0))
    records.claim(job_id, queue="cpu", lease=LEASE)
    if ended:
        records.now_ms = int(ENDED * 1000)
        records.commit(job_id, Finish(JobState.SUCCESS), lease=LEASE)
    return job_id


def test_time_counts_from_a_jobs_end_and_a_running_job_is_never_past_it(records, share):
    ended, running = make(records, share, ended=True), make(records, share, ended=False)
    janitor = Janitor(records, share, keep=100.0)
    assert janitor.clean(ENDED + 99) == 0
    assert janitor.clean(ENDED + 101) == 1
    assert not share.folder(ended).exists()
    with pytest.raises(JobNotFound):
        records.report(ended)
    assert janitor.clean(ENDED + 1e9) == 0
    assert share.folder(running).exists()
    assert records.report(running).state is JobState.STARTED


def test_many_go_in_one_round_and_twice_is_well(records, share):
    ids = [make(records, share, ended=True) for _ in range(120)]
    assert Janitor(records, share, keep=1.0).clean(ENDED + 10) == 120
    assert Janitor(records, share, keep=1.0).clean(ENDED + 10) == 0
    assert not any(share.folder(job_id).exists() for job_id in ids)


def test_a_record_whose_files_went_before_is_forgotten(records, share):
    job_id = make(records, share, ended=True)
    share.folder(job_id).remove()
    assert Janitor(records, share, keep=1.0).clean(ENDED + 10) == 1


def test_a_link_in_place_of_a_folder_is_not_followed(records, share, tmp_path):
    job_id = make(records, share, ended=True)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    share.folder(job_id).remove()
    share.folder(job_id).path.symlink_to(precious)
    Janitor(records, share, keep=1.0).clean(ENDED + 10)
    assert (precious / "file").read_text() == "keep"


def test_without_cleanup_only_what_killed_requests_left_is_removed(records, share):
    job_id = make(records, share, ended=True)
    left = share.root / ".incoming" / "left"
    left.mkdir()
    os.utime(left, (0, 0))
    assert Janitor(records, share, keep=None).clean(ENDED + 1e9) == 0
    assert share.folder(job_id).exists()
    assert not left.exists()
